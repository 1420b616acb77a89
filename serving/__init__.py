"""The HTTP service around an exported SavedModel; it imports nothing from `pipelines`."""

"""Metrics, baselines, learning curves: how good the model is, and why."""

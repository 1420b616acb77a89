"""Sentiment140 from raw tweets to an exported model: the work behind the notebooks."""

__version__ = "0.1.0"

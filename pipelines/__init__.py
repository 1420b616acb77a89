"""Sentiment140 from raw tweets to an exported model: the work behind the notebooks."""

import os

from pipelines import allocator

__version__ = "0.1.0"

# Whoever imports this, be it a notebook, a benchmark or a sweep, works on large arrays again and again.
allocator.keep_freed()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads it when it is imported

"""Sentiment140 from raw tweets to an exported model: the work behind the notebooks."""

import os

from pipelines import allocator

__version__ = "0.1.0"

# Whoever imports this, be it a notebook, a benchmark or a sweep, works on large arrays again and again. TensorFlow
# tells the C library other things when it begins, but leaves what its own allocator holds.
allocator.keep_freed()
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")  # read before its first computation
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when it is imported

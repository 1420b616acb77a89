"""Speed, accuracy and faults, measured beside what people would pick instead."""

from pipelines.run import prepare_tensorflow

prepare_tensorflow()

"""What the chosen backend of Keras and its device need: a precision, a batch size, a way in for batches.

KERAS_BACKEND (tensorflow, jax or torch) chooses before Keras is imported; nothing of the other two is imported here.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np

LEAST_STEPS = 600  # an epoch of fewer, larger steps learns less than the larger batch saves
LARGEST_BATCH = 2048
BATCHES_AHEAD = 4


@dataclass(frozen=True)
class Device:
    """What a network is trained on.

    Attributes:
        name: as its maker calls it, or "CPU".
        gpu: whether it is one.
        precision: the dtype policy of Keras that is quick on it and works.
    """

    name: str = "CPU"
    gpu: bool = False
    precision: str = "float32"


def name() -> str:
    """The backend in use: tensorflow, jax or torch."""
    return keras.backend.backend()


@functools.cache
def device() -> Device:
    """The device that the backend in use has found by itself."""
    return {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}[name()]()


def lstm_by_cudnn() -> bool | str:
    """What an LSTM of Keras is told of cuDNN, as its `use_cudnn`: "auto" wherever that path learns as well.

    Under JAX it learns less, in any precision of its products: three seeds of 200,000 rows on an H200 are right on
    82.8 % of the validation rows, on 83.3 % without it.
    """
    return name() != "jax" and "auto"


def set_seed(seed: int) -> None:
    """Begin the random numbers of a training anew: those of the initial weights."""
    if name() == "tensorflow":
        keras.utils.set_random_seed(seed)
    else:
        # That function would import TensorFlow here too; a Keras layer that has no seed draws one from `random`.
        random.seed(seed)


class SeedOfEpoch(keras.callbacks.Callback):
    """Make dropout a function of (seed, epoch) alone, whatever was drawn before, such as by `fit` when it begins."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None) -> None:
        for variable in self.model.variables:
            if "seed_generator_state" in variable.path:
                variable.assign(np.array([self.seed, epoch], dtype=keras.backend.standardize_dtype(variable.dtype)))
        if name() == "torch":  # not all of its dropout asks Keras's seed generators
            import torch

            torch.manual_seed(int(np.random.SeedSequence((self.seed, epoch)).generate_state(1)[0]))


def _of_tensorflow() -> Device:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return Device()
    details = tf.config.experimental.get_device_details(gpus[0])
    mixed = _mixed(bfloat16=details.get("compute_capability", (0, 0)) >= (8, 0))
    return Device(details.get("device_name", gpus[0].name), gpu=True, precision=mixed)


def _of_jax() -> Device:
    import jax

    return Device(jax.devices()[0].device_kind, gpu=True) if jax.default_backend() == "gpu" else Device()


def _of_torch() -> Device:
    import torch

    if not torch.cuda.is_available():
        return Device()
    mixed = _mixed(bfloat16=torch.cuda.get_device_capability() >= (8, 0))
    return Device(torch.cuda.get_device_name(), gpu=True, precision=mixed)


def _mixed(*, bfloat16: bool) -> str:
    return "mixed_bfloat16" if bfloat16 else "mixed_float16"


@contextmanager
def precision() -> Iterator[None]:
    """Networks built inside compute in the precision of the device; their weights are float32 all the same."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(device().precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def batch_size(usual: int, *, rows: int) -> int:
    """Rows a step: `usual` on a CPU; on a GPU twice that again and again, while an epoch keeps steps enough."""
    if not device().gpu:
        return usual
    while 2 * usual <= min(LARGEST_BATCH, rows // LEAST_STEPS):
        usual *= 2
    return usual


def distinct(ids):
    """The ids of a batch, each once, int32 [different], and the place among them of each, int32 [batch, steps].

    None where shapes must be known beforehand, as under JAX, or where nothing is gained, as on a GPU.
    """
    if name() != "tensorflow" or device().gpu:
        return None
    import tensorflow as tf

    different, places = tf.unique(tf.reshape(ids, [-1]))
    return different, tf.reshape(places, tf.shape(ids))


def feed(sequence: keras.utils.PyDataset):
    """What `fit` and `predict` are given for `sequence`: itself, but under TensorFlow a `tf.data.Dataset` of it.

    Keras would make one too, with autotuning, whose thread then holds up the end of an epoch for up to a minute.
    Each pass reads the batches as they are laid out when it begins.
    """
    if name() != "tensorflow":
        return sequence
    import tensorflow as tf

    shapes = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, 1], tf.float32))
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(
        lambda: (sequence[position] for position in range(len(sequence))), output_signature=shapes
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(sequence)))
    return dataset.prefetch(BATCHES_AHEAD).with_options(options)

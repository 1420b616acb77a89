"""LSTMs as one operation of TensorFlow each, for the export: Keras's loop starts a dozen for every token.

Training keeps the loop, whose gradient is the quicker one.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pipelines.model import network


class FusedLSTM(layers.Layer):
    """What `keras.layers.LSTM` computes without a mask: float32 [batch, steps, width] → [batch, steps, units].

    Its kernel is that layer's two, one upon the other: to join them in each call would cost more than a short text.
    """

    def __init__(self, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.units, 4 * self.units), name="kernel")
        self.bias = self.add_weight(shape=(4 * self.units,), name="bias")

    def call(self, words, mask=None):  # as LSTMs are called in a network; where nothing is masked it is None
        import tensorflow as tf

        words = tf.transpose(words, [1, 0, 2])
        steps, rows = tf.unstack(tf.shape(words)[:2])
        nothing, no_peephole = tf.zeros([rows, self.units]), tf.zeros([self.units])
        states = tf.raw_ops.BlockLSTMV2(
            seq_len_max=tf.cast(steps, tf.int64),
            x=words,
            cs_prev=nothing,
            h_prev=nothing,
            w=tf.convert_to_tensor(self.kernel),
            wci=no_peephole,
            wcf=no_peephole,
            wco=no_peephole,
            b=tf.convert_to_tensor(self.bias),
            cell_clip=0,
        ).h
        return tf.transpose(states, [1, 0, 2])

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)


def fused(trained: keras.Model) -> keras.Model:
    """The same network with fused LSTMs; itself where they are masked ("classic").

    Args:
        trained: from `network.plain`.
    """
    if trained.name == "classic":
        return trained

    def replaced(layer: layers.Layer) -> layers.Layer:
        if isinstance(layer, layers.LSTM):
            return FusedLSTM(layer.units, name=layer.name)
        return layer.from_config(layer.get_config())

    weights = {}
    for layer in trained.layers:
        if isinstance(layer, layers.LSTM):
            kernel, recurrent_kernel, bias = layer.get_weights()
            weights[layer.name] = [np.concatenate([kernel, recurrent_kernel]), bias]
    return network.cloned(trained, replaced, weights)

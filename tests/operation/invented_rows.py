"""Rows ready to be compared, without a model: words drawn from a list, vectors and scores that follow from them."""

import numpy as np
import pyarrow as pa

from pipelines.operation.traits import MARKS, Traits

WORDS = np.array([f"word{number}" for number in range(200)])
COMMONER_FIRST = 1 / np.arange(1, 201) / (1 / np.arange(1, 201)).sum()
DIRECTIONS = np.random.default_rng(7).normal(size=(200, 6))


def invented(rows, *, seed, mention=0.45, topic=0.0, quality=1.0):
    """Traits of invented rows.

    Args:
        mention: share of rows with a mention.
        topic: share of rows that speak of something else: other words, half of them unknown.
        quality: 1 for labels that follow the scores, 0 for labels that know nothing of them.
    """
    generator = np.random.default_rng(seed)
    words, ids, lengths = [], [], generator.integers(3, 20, size=rows)
    for length in lengths:
        drawn = generator.choice(200, size=length, p=COMMONER_FIRST)
        if generator.random() < topic:
            drawn = generator.integers(150, 200, size=length)
        ids.append(drawn)
        words.append(WORDS[drawn].tolist())
    vectors = np.array([DIRECTIONS[drawn].mean(axis=0) for drawn in ids], np.float32)
    scores = (1 / (1 + np.exp(-3 * vectors[:, 0]))).astype(np.float32)
    believed = np.where(generator.random(rows) < quality, scores, 1 - scores)
    marks = {name: generator.random(rows) < (mention if name == "mentions" else 0.03) for name in MARKS}
    return Traits(
        scores,
        (generator.random(rows) < believed).astype(np.int8),
        pa.array(words),
        np.array([(drawn >= 175).sum() for drawn in ids]),
        marks,
        vectors,
    )

"""Word vectors learned from the texts of the training split: no label is read, so all of its rows may serve.

They are made once for a data set, with the vocabulary that they belong to, and serve every size: texts without labels
are free, those with labels are not. Two views of a word stand beside one another. `wide` sees which words share its
text, what it is about; `near` sees which words stand right before and right after it, how it is used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import artifacts
from pipelines.dataset import cooccurrence, corpus, text, tokens, vocabulary

WIDE_WINDOW, NEAR_WINDOW = 10, 3  # neighbours to each side
NEIGHBOURS = 3_000  # the most frequent words: only these count as neighbours, in `near` half as many on each side
LONGEST = 64  # tokens of a text that are read
FREQUENT = 5_000  # words that the vectors' scale is taken from


def learned(dataset: artifacts.Dataset, *, wide: int, near: int, maximum_size: int, minimum_count: int) -> Path:
    """The folder of the word vectors of a data set, which are learned first where they are missing or out of date.

    Args:
        dataset: its training split is read, all rows, texts only.
        wide: dimensions from all neighbours up to WIDE_WINDOW places away.
        near: dimensions from those up to NEAR_WINDOW places away, left and right told apart.
        maximum_size: ids, padding and unknown included.
        minimum_count: words seen less often are unknown.

    Returns:
        A folder with words.txt (a line each, by id), vectors.npy (float16 [words, wide + near], zero for padding)
        and vectors.json.
    """
    measures = {"wide": wide, "near": near, "maximum_size": maximum_size, "minimum_count": minimum_count}
    folder = dataset.pretrained / f"vectors-{'-'.join(str(value) for value in measures.values())}"
    code = [Path(module.__file__) for module in (text, corpus, cooccurrence)] + [Path(__file__)]
    made_from = {
        "train_sha256": artifacts.sha256(dataset.split("train")),
        "code_sha256": [artifacts.sha256(path) for path in code],
        **measures,
    }
    with artifacts.lock(folder, waiting=f"another run makes {folder}; waiting for it …"):
        record = folder / "vectors.json"
        if record.exists() and artifacts.read_json(record)["made_from"] == made_from:
            print(f"word vectors: taken from {folder}")
            return folder
        with artifacts.folder_written_whole(folder) as temporary:
            figures = _learn(dataset.split("train"), temporary, **measures)
            artifacts.write_json(temporary / "vectors.json", {"made_from": made_from, **figures})
    return folder


def _learn(split: Path, folder: Path, *, maximum_size: int, minimum_count: int, **measures: int) -> dict[str, int]:
    with tempfile.TemporaryDirectory(dir=folder) as working:
        texts = corpus.Corpus(split, Path(working), sequence_length=LONGEST)
        words = vocabulary.fit_vocabulary(texts.counts, maximum_size=maximum_size, minimum_count=minimum_count)
        vocabulary.write_vocabulary(words, folder / "words.txt")
        rows = texts.encoded(words)
        np.save(folder / "vectors.npy", table(rows, words=len(words), **measures))
    return {"rows": len(rows), "words": len(words)}


def table(rows: tokens.EncodedRows, *, words: int, wide: int, near: int) -> np.ndarray:
    """Word vectors of encoded texts.

    Args:
        rows: encoded texts; their labels are not read.
        words: ids there are, padding (0) and unknown (1) included; unknown words get a vector as one word.
        wide, near: dimensions of each view; fewer where there are fewer words.

    Returns:
        float16 [words, wide + near], each view scaled to a standard deviation of 1 over the most frequent words.
    """
    from scipy.sparse import hstack

    views = []
    nearest = cooccurrence.followers(rows, words=words, distances=range(1, NEAR_WINDOW + 1))
    if wide:
        farther = range(NEAR_WINDOW + 1, WIDE_WINDOW + 1)
        after = nearest + cooccurrence.followers(rows, words=words, distances=farther)
        views.append(cooccurrence.reduced(cooccurrence.surprise(after + after.T)[:, :NEIGHBOURS], wide))
    if near:
        sides = [cooccurrence.surprise(side)[:, : NEIGHBOURS // 2] for side in (nearest, nearest.T)]
        views.append(cooccurrence.reduced(hstack(sides, format="csr"), near))
    vectors = np.hstack([view / view[:FREQUENT].std() for view in views]).astype(np.float16)
    vectors[0] = 0  # padding stands nowhere; what the decomposition leaves there is rounding
    return vectors


def give(folder: Path, path: Path) -> np.ndarray:
    """Put learned vectors where a run looks for them; a link, so that many runs hold them once.

    Args:
        folder: from `learned`.
        path: of the run's word vectors.

    Returns:
        float16 [words, dimensions], memory-mapped.
    """
    with artifacts.written_whole(path) as temporary:
        temporary.unlink()
        try:
            os.link(folder / "vectors.npy", temporary)
        except OSError:  # a file system without links
            shutil.copyfile(folder / "vectors.npy", temporary)
    return np.load(path, mmap_mode="r")


def neighbours(table: np.ndarray, words: list[str], asked: list[str], *, count: int) -> pd.DataFrame:
    """The nearest words by cosine: a column for each of `asked` that is known, a row for each rank."""
    table = table.astype(np.float32)
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    place = {word: number for number, word in enumerate(words)}
    nearest = {
        word: [words[other] for other in np.argsort(-(unit @ unit[place[word]]))[1 : count + 1]]
        for word in asked
        if word in place
    }
    return pd.DataFrame(nearest, index=pd.RangeIndex(1, count + 1, name="rank"))

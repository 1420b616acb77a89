"""Word vectors learned from the texts of the training split: no label is read, so all of its rows may serve.

They are made once for a data set and serve every size: tweets without labels are free, those with labels are not.
Method: continuous bag of words with negative sampling, Mikolov et al., "Efficient estimation of word representations
in vector space", 2013, by gensim.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import text, tokens
from pipelines.dataset.vocabulary import read_vocabulary, write_vocabulary


def learned(dataset: artifacts.Dataset, *, dimensions: int, epochs: int, window: int, seed: int) -> Path:
    """The folder of the word vectors of a data set, which are learned first where they are missing or out of date.

    Args:
        dataset: its training split is read, all rows, texts only.
        dimensions: width of a vector.
        epochs: passes over the texts.
        window: words to each side that a word is predicted from.
        seed: of the initial vectors and of sampling; one thread learns, so that the result repeats.

    Returns:
        A folder with vectors.npy (float32 [words, dimensions]), words.txt (a line each) and vectors.json.
    """
    folder = dataset.pretrained / f"vectors-{dimensions}"
    made_from = {
        "train_sha256": artifacts.sha256(dataset.split("train")),
        "rules_sha256": artifacts.sha256(Path(text.__file__)),
        **{"dimensions": dimensions, "epochs": epochs, "window": window, "seed": seed},
    }
    with artifacts.lock(folder):
        record = folder / "vectors.json"
        if record.exists() and artifacts.read_json(record)["made_from"] == made_from:
            print(f"word vectors: taken from {folder}")
            return folder
        with artifacts.folder_written_whole(folder) as temporary:
            corpus = temporary / "corpus.txt"
            rows = _write_corpus(dataset.split("train"), corpus)
            words, vectors = _fit(corpus, dimensions=dimensions, epochs=epochs, window=window, seed=seed)
            corpus.unlink()
            np.save(temporary / "vectors.npy", vectors)
            write_vocabulary(words, temporary / "words.txt")
            figures = {"rows": rows, "words": len(words)}
            artifacts.write_json(temporary / "vectors.json", {"made_from": made_from, **figures})
    return folder


def _write_corpus(split: Path, corpus: Path) -> int:
    rows = 0
    with corpus.open("w", encoding="utf-8") as file:
        for batch in tqdm(tokens.batches(split, columns=["text"]), desc="writing texts", unit=" batches"):
            lines = text.normalise(batch["text"])
            file.write("\n".join(lines.filter(pc.not_equal(lines, "")).to_pylist()) + "\n")
            rows += len(lines)
    return rows


def _fit(corpus: Path, *, dimensions: int, epochs: int, window: int, seed: int) -> tuple[list[str], np.ndarray]:
    from gensim.models import Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec

    class Progress(CallbackAny2Vec):
        """One bar, a step an epoch."""

        def __init__(self) -> None:
            self.bar = tqdm(total=epochs, desc="learning word vectors", unit=" epochs")

        def on_epoch_end(self, model) -> None:
            self.bar.update()

    learner = Word2Vec(
        corpus_file=str(corpus),
        vector_size=dimensions,
        window=window,
        epochs=epochs,
        seed=seed,
        min_count=5 if corpus.stat().st_size > 10**7 else 2,
        sample=1e-4,
        workers=1,
        callbacks=[Progress()],
    )
    return list(learner.wv.index_to_key), learner.wv.vectors


def embedding(folder: Path, vocabulary: list[str], *, spread: float = 0.5, seed: int = 1) -> np.ndarray:
    """A first embedding for a vocabulary: learned vectors where there are some, small random ones elsewhere.

    Args:
        folder: from `learned`.
        vocabulary: tokens by id, as `fit_vocabulary` returns them.
        spread: standard deviation that the learned vectors are scaled to.
        seed: of the random ones.

    Returns:
        float32 [len(vocabulary), dimensions]; row 0, padding, is zero.
    """
    learned_vectors = np.load(folder / "vectors.npy")
    place = {word: number for number, word in enumerate(read_vocabulary(folder / "words.txt"))}
    rows = np.array([place.get(word, -1) for word in vocabulary])
    table = np.random.default_rng(seed).normal(0, 0.05, (len(vocabulary), learned_vectors.shape[1]))
    table[rows >= 0] = learned_vectors[rows[rows >= 0]] * (spread / learned_vectors[:5_000].std())
    table[0] = 0
    return table.astype(np.float32)


def write_table(table: np.ndarray, path: Path) -> None:
    """Write the first embedding of a run, whole: float32 [vocabulary, dimensions] as .npy."""
    with artifacts.written_whole(path) as temporary:
        np.save(temporary, table)


def neighbours(table: np.ndarray, vocabulary: list[str], words: list[str], *, count: int) -> pd.DataFrame:
    """The nearest words by cosine: a column for each of `words` that is known, a row for each rank."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    place = {word: number for number, word in enumerate(vocabulary)}
    nearest = {
        word: [vocabulary[other] for other in np.argsort(-(unit @ unit[place[word]]))[1 : count + 1]]
        for word in words
        if word in place
    }
    return pd.DataFrame(nearest, index=pd.RangeIndex(1, count + 1, name="rank"))

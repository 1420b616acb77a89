"""What a network has to beat: always the commoner class, and TF-IDF of words and pairs with logistic regression.

The second is a strong one (Wang and Manning 2012, "Baselines and bigrams"): the same normalised text, the same first
rows. It is fitted once for a size and kept as plain arrays (no pickle), so that the test split can be scored later by
the one notebook that may, without a second fit.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import text, tokens
from pipelines.evaluation import ngrams

TFIDF, MAJORITY = "tfidf_logistic_regression", "majority"
# The best validation accuracy of 1, 2, 4 and 8 on Sentiment140 at 50,000, at 200,000 and at all rows.
INVERSE_REGULARISATION = 2.0
ITERATIONS = 300
MAXIMUM_ROWS = 2_000_000  # the matrix is held in memory: about 1.3 GB for each million rows


@dataclass(frozen=True)
class Baseline:
    """A fitted TF-IDF + logistic regression.

    Attributes:
        features: the n-grams.
        weights: float32 [words + pairs].
        intercept: log-odds of a text without known words.
        record: what it was fitted on, with which settings, in how many seconds.
    """

    features: ngrams.NGrams
    weights: np.ndarray
    intercept: float
    record: dict

    def probabilities(self, texts: pa.Array) -> np.ndarray:
        """P(positive) of raw texts: float32 [rows]."""
        logits = self.features.transform(texts) @ self.weights + self.intercept
        return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)

    def telling(self, count: int = 10) -> pd.DataFrame:
        """The words with the largest weights on either side."""
        order = np.argsort(self.weights[: len(self.features.words)])
        words = self.features.words.take(pa.array(np.concatenate([order[:count], order[-count:][::-1]])))
        sides = {"negative": words[:count].to_pylist(), "positive": words[count:].to_pylist()}
        return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in sides.items()})


def fitted(run: artifacts.Run, *, rows: int) -> Baseline:
    """The baseline of a run: the kept one where rows, text rules and settings are the same, else a new one.

    Args:
        run: where it is kept.
        rows: the first so many training rows are fitted; at most `MAXIMUM_ROWS` of them.
    """
    folder, wanted = run.baseline(TFIDF), _fingerprint(run.dataset, rows)
    with artifacts.lock(folder):
        if (folder / "baseline.json").exists() and artifacts.read_json(folder / "baseline.json")["inputs"] == wanted:
            return _read(folder)
        baseline = fit(run.dataset.split("train"), rows=wanted["rows"], inputs=wanted)
        _write(baseline, folder)
    return baseline


def _fingerprint(dataset: artifacts.Dataset, rows: int) -> dict:
    manifest = artifacts.read_json(dataset.manifest) if dataset.manifest.exists() else {}
    digest = manifest.get("files", {}).get("train") or artifacts.sha256(dataset.split("train"))
    rules = hashlib.sha256(repr((text.BEFORE_LOWER, text.AFTER_LOWER)).encode()).hexdigest()
    return {
        "train_sha256": digest,
        "rows": min(rows, MAXIMUM_ROWS),
        "text_rules_sha256": rules,
        "inverse_regularisation": INVERSE_REGULARISATION,
        "minimum_count": ngrams.MINIMUM_COUNT,
    }


def fit(path: Path, *, rows: int, inputs: dict | None = None) -> Baseline:
    """Fit TF-IDF + logistic regression on the first rows of a split.

    Args:
        path: the Parquet file of the training split.
        rows: how many.
        inputs: what is kept about the inputs.

    Raises:
        ValueError: the rows hold one class only, or no word twice.
    """
    from sklearn.linear_model import LogisticRegression

    started = time.monotonic()
    source = tokens.batches(path, columns=["label"], size=rows)
    labels = np.concatenate([batch["label"].to_numpy() for batch in source])
    if labels.min() == labels.max():
        raise ValueError(f"the first {rows} rows of {path} all have label {labels[0]}: nothing to tell apart")
    texts = (batch["text"] for batch in tokens.batches(path, columns=["text"], size=rows))
    features, matrix = ngrams.fit(texts)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=ITERATIONS).fit(matrix, labels)
    record = {
        "inputs": inputs or {},
        "columns": int(matrix.shape[1]),
        "iterations": int(model.n_iter_[0]),
        "seconds": round(time.monotonic() - started, 2),
    }
    return Baseline(features, model.coef_[0].astype(np.float32), float(model.intercept_[0]), record)


def _write(baseline: Baseline, folder: Path) -> None:
    with artifacts.folder_written_whole(folder) as temporary:
        features = baseline.features
        pq.write_table(pa.table({"word": features.words}), temporary / "words.parquet")
        arrays = {"pairs": features.pairs, "idf": features.idf, "weights": baseline.weights}
        np.savez(temporary / "arrays.npz", intercept=np.float64(baseline.intercept), **arrays)
        artifacts.write_json(temporary / "baseline.json", baseline.record)


def _read(folder: Path) -> Baseline:
    words = pq.read_table(folder / "words.parquet")["word"].combine_chunks()
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        features = ngrams.NGrams(words, arrays["pairs"], arrays["idf"])
        weights, intercept = arrays["weights"], float(arrays["intercept"])
    return Baseline(features, weights, intercept, artifacts.read_json(folder / "baseline.json"))


def score(baseline: Baseline, path: Path) -> np.ndarray:
    """P(positive) of every row of a split: float32 [rows]."""
    parts = [baseline.probabilities(batch["text"]) for batch in tokens.batches(path, columns=["text"])]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def kept_scores(run: artifacts.Run, baseline: Baseline) -> pd.DataFrame:
    """Validation scores of a run's baseline (row, label, probability), computed once and kept beside it.

    Only validation: scores of the test split are never kept where a diagnosis could read them.
    """
    path = run.baseline(TFIDF) / "validation.parquet"
    if not path.exists():
        source = run.dataset.split("validation")
        frame = pd.read_parquet(source, columns=["row", "label"]).assign(probability=score(baseline, source))
        with artifacts.written_whole(path) as temporary:
            frame.to_parquet(temporary, index=False)
    return pd.read_parquet(path)


def majority(labels: np.ndarray, *, rows: int) -> np.ndarray:
    """P(positive) by the class shares of the training rows alone: float32 [rows], the same number in each.

    Args:
        labels: int [training rows], 0 or 1; of equally common classes, positive is taken.
    """
    return np.full(rows, np.mean(labels), np.float32)

"""An exported model as a function from many texts to probabilities, by the faster of two ways that score the same.

by ids    pyarrow makes the ids (all rules in one pass over a window), TensorFlow computes the network
by text   TensorFlow does both, as the service does: for exports that offer nothing else, or whose rules differ
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts, tracking
from pipelines.dataset import text, tokens
from pipelines.dataset.vocabulary import read_vocabulary
from pipelines.model import export

BATCH_ROWS = 1024
TOLERANCE = 1e-5  # between the two ways
INSIDE_MODEL = "artifacts/saved_model"  # where the model that training registers keeps the export


class ModelError(ValueError):
    """A model that cannot score; the message says what is wrong and the way out."""


def folder_of(uri: str, *, cache: Path) -> Path:
    """The local folder of a MODEL_URI: a path, or what MLflow fetches into `cache` (`models:/…`, `runs:/…`, `s3://…`).

    Raises:
        ModelError: there is none.
    """
    if uri.partition(":")[0] not in ("models", "runs", "s3"):
        return Path(uri.removeprefix("file://"))
    tracking.client()
    import mlflow

    errors = []
    for address in (f"{uri.rstrip('/')}/{INSIDE_MODEL}", uri):
        try:
            return Path(mlflow.artifacts.download_artifacts(address, dst_path=str(cache)))
        except (mlflow.MlflowException, OSError) as error:
            errors.append(str(error).strip().splitlines()[0])
    raise ModelError(f"MODEL_URI={uri} cannot be fetched: {errors[0]}")


@contextmanager
def fetched(uri: str) -> Iterator[Path]:
    """`folder_of` with a cache that is gone afterwards: a model that is loaded within needs it no longer."""
    with tempfile.TemporaryDirectory(prefix="model-") as cache:
        yield folder_of(uri, cache=Path(cache))


def load(folder: Path) -> ExportedModel:
    """The model of a folder, ready to score; what makes it slow is said.

    Raises:
        ModelError: it is no exported model.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    model = ExportedModel(folder)
    if model.why:
        print(model.why, flush=True)
    return model


def verified_manifest(folder: Path) -> dict:
    """The manifest of an exported model whose files are what it says.

    Raises:
        ModelError: no manifest, or a file that is missing or another.
    """
    if not (folder / "manifest.json").exists():
        raise ModelError(f"MODEL_URI={folder} is no exported model: name a folder …/saved_model with its manifest.json")
    manifest = artifacts.read_json(folder / "manifest.json")
    for name, facts in manifest["files"].items():
        if not (folder / name).is_file() or artifacts.sha256(folder / name) != facts["sha256"]:
            raise ModelError(f"{folder / name} is missing or not what its manifest says: fetch or export it again")
    return manifest


@dataclass(frozen=True)
class Prepared:
    """Texts on their way to the network.

    Attributes:
        lengths: int64 [rows], what they are sorted by.
        take: row numbers int64 [batch] → the input of those rows.
    """

    lengths: np.ndarray
    take: Callable[[np.ndarray], np.ndarray]


class ExportedModel:
    """A verified and loaded export.

    Attributes:
        version: `model_version` of its manifest.
        way: "ids" or "text", see above.
        why: what speaks against "ids"; empty where it is taken.
    """

    def __init__(self, folder: Path, *, way: str = "") -> None:
        import tensorflow as tf

        self.manifest = verified_manifest(folder)
        self.version = self.manifest["model_version"]
        self.sha256 = artifacts.sha256(folder / "manifest.json")
        self._loaded = tf.saved_model.load(str(folder))  # the signatures do not keep their variables alive
        self.way, self.why = way or "text", ""
        if way != "text":
            self.why = self._prepare_ids(folder)
            if way and self.why:
                raise ModelError(self.why)
            self.way = "text" if self.why else "ids"

    def _prepare_ids(self, folder: Path) -> str:
        light = folder / artifacts.LIGHT_FORM
        if export.OF_IDS not in self._loaded.signatures or not light.exists():
            return f"{self.version} has no signature on ids: the text rules run in TensorFlow (export it again: faster)"
        longest = artifacts.read_json(light / "text.json")["sequence_length"]
        self._encoder = tokens.Encoder(read_vocabulary(light / "vocabulary.txt"), sequence_length=longest)
        tried = pa.array([*text.UGLY, *(item["text"] for item in self.manifest["canary"])])
        scores = {}
        for self.way in ("text", "ids"):
            scores[self.way] = self.score(self.prepare(tried))
        if np.abs(scores["text"] - scores["ids"]).max() <= TOLERANCE:
            return ""
        return f"{self.version} has text rules that differ from those of this checkout: they run in TensorFlow (slower)"

    def prepare(self, texts: pa.Array) -> Prepared:
        """Make texts ready for `score`; needs no TensorFlow, so that a thread can do it ahead.

        Args:
            texts: string [rows], valid UTF-8; null counts as an empty text.
        """
        if self.way == "text":
            words = np.array([word.encode() for word in pc.fill_null(texts, "").to_pylist()], dtype=object)
            return Prepared(pc.binary_length(pc.fill_null(texts, "")).to_numpy(zero_copy_only=False), words.__getitem__)
        ids, lengths = self._encoder.encode(texts)
        nothing = np.zeros(0, np.int64)
        rows = tokens.EncodedRows(ids, np.concatenate([[0], np.cumsum(lengths)]), nothing, nothing)
        return Prepared(lengths, lambda part: rows.padded(part, length=int(lengths[part].max())))

    def score(self, prepared: Prepared) -> np.ndarray:
        """P(positive) of each text, in order: float32 [rows].

        Rows of one length go together, so that hardly anything is padded; two batches at a time keep the cores busy
        while one of them waits for its last matrix product.
        """
        order = np.argsort(prepared.lengths, kind="stable")
        parts = [order[start : start + BATCH_ROWS] for start in range(0, len(order), BATCH_ROWS)]
        scores = np.empty(len(order), np.float32)
        with ThreadPoolExecutor(2) as pool:
            for part, found in zip(parts, pool.map(lambda part: self._call(prepared.take(part)), parts), strict=True):
                scores[part] = found
        return scores

    def _call(self, rows: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        if self.way == "text":
            return self._loaded.signatures["serving_default"](text=tf.constant(rows, tf.string))["probability"].numpy()
        return self._loaded.signatures[export.OF_IDS](ids=tf.constant(rows))["probability"].numpy()

    def labels(self, probabilities: np.ndarray) -> pa.Array:
        """The label of each probability, by the manifest's threshold: string [rows]."""
        negative, positive = self.manifest["labels"]
        return pc.if_else(pa.array(probabilities >= self.manifest["threshold"]), positive, negative)

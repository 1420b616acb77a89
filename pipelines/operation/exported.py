"""An exported model as a function from many texts to probabilities, by the faster of two ways that score the same.

onnx         pyarrow makes the ids (all rules in one pass over a window), ONNX Runtime computes the network
tensorflow   the SavedModel does both, as the service does: for exports without a light form, or with other text rules
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
from pipelines.dataset import tokens
from pipelines.model import light_model

RUNTIMES = ("onnx", "tensorflow")
BATCH_ROWS = {"onnx": 64, "tensorflow": 1024}  # the fastest of 32, 64, 128 … 2,048
CANARY_TOLERANCE = 1e-4  # as the service's: other processors add in another order
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
        runtime: one of RUNTIMES, see above.
        why: what speaks against "onnx"; empty where it is taken or was not asked for.
    """

    def __init__(self, folder: Path, *, runtime: str = "") -> None:
        self.manifest = verified_manifest(folder)
        self.version = self.manifest["model_version"]
        self.sha256 = artifacts.sha256(folder / "manifest.json")
        self.runtime, self.why = "tensorflow", ""
        if runtime != "tensorflow":
            self.why = self._load_light(folder)
            if runtime and self.why:
                raise ModelError(self.why)
            self.runtime = "tensorflow" if self.why else "onnx"
        if self.runtime == "tensorflow":
            import tensorflow as tf

            self._loaded = tf.saved_model.load(str(folder))  # the signatures do not keep their variables alive

    def _load_light(self, folder: Path) -> str:
        """Load the light form; returns what speaks against it."""
        if not light_model.is_in(folder):
            return f"{self.version} has no light form: TensorFlow scores it (export it again: faster)"
        if not light_model.has_rules_of_this_checkout(folder):
            return f"{self.version} has text rules that differ from this checkout's: TensorFlow scores it (slower)"
        self._encoder, self._light = light_model.encoder(folder), light_model.LightModel(folder)
        self.runtime, canary = "onnx", self.manifest["canary"]
        scores = self.score(self.prepare(pa.array([item["text"] for item in canary])))
        if np.abs(scores - [item["probability"] for item in canary]).max() <= CANARY_TOLERANCE:
            return ""
        return f"{self.version} scores its canary texts otherwise with ONNX Runtime: TensorFlow scores it (slower)"

    def prepare(self, texts: pa.Array) -> Prepared:
        """Make texts ready for `score`; a thread can do it ahead.

        Args:
            texts: string [rows], valid UTF-8; null counts as an empty text.
        """
        if self.runtime == "tensorflow":
            words = np.array([word.encode() for word in pc.fill_null(texts, "").to_pylist()], dtype=object)
            return Prepared(pc.binary_length(pc.fill_null(texts, "")).to_numpy(zero_copy_only=False), words.__getitem__)
        ids, lengths = self._encoder.encode(texts)
        nothing = np.zeros(0, np.int64)
        rows = tokens.EncodedRows(ids, np.concatenate([[0], np.cumsum(lengths)]), nothing, nothing)
        return Prepared(lengths, lambda part: rows.padded(part, length=int(lengths[part].max())))

    def score(self, prepared: Prepared) -> np.ndarray:
        """P(positive) of each text, in order: float32 [rows].

        Rows of one length go together, so that hardly anything is padded, and several batches at a time keep the cores
        busy.
        """
        order, batch = np.argsort(prepared.lengths, kind="stable"), BATCH_ROWS[self.runtime]
        parts = [order[start : start + batch] for start in range(0, len(order), batch)]
        scores = np.empty(len(order), np.float32)
        with ThreadPoolExecutor(self._threads()) as pool:
            for part, found in zip(parts, pool.map(lambda part: self._call(prepared.take(part)), parts), strict=True):
                scores[part] = found
        return scores

    def _threads(self) -> int:
        # TensorFlow uses all cores by itself: a second call fills them while the first waits for its last product.
        return 2 if self.runtime == "tensorflow" else os.cpu_count() or 1

    def _call(self, rows: np.ndarray) -> np.ndarray:
        if self.runtime == "onnx":
            return self._light.probabilities(rows)
        import tensorflow as tf

        return self._loaded.signatures["serving_default"](text=tf.constant(rows, tf.string))["probability"].numpy()

    def labels(self, probabilities: np.ndarray) -> pa.Array:
        """The label of each probability, by the manifest's threshold: string [rows]."""
        negative, positive = self.manifest["labels"]
        return pc.if_else(pa.array(probabilities >= self.manifest["threshold"]), positive, negative)

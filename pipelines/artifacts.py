"""Where every artefact lies, and that it is written whole.

    data/D/                     one data set
      raw/  source.json         the file as it came, and what is known of it
      splits/                   train, validation, test, manual, rejected, new_test (.parquet) + manifest.json
      runs/RUN/                 one run: vocabulary.txt, encoded/, model.keras, metrics.json, saved_model/ …
        monitor/NEW/  sweeps/X/ a look at a file of new texts; a search of parameters: JSON, notebook, figures
        evaluate_on/FILE.json   the model's figures on a labelled file

Only this module joins these paths. All is written beside its place, flushed and renamed: what is found is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(os.environ.get("SENTIMENT_ROOT") or Path(__file__).resolve().parents[1])
SPLITS = ("train", "validation", "test", "manual", "new_test")
LIGHT_FORM = "assets.extra/light"  # inside an exported model: the folder of a SavedModel that TensorFlow leaves alone


def data_folder() -> Path:
    """The folder of all data sets: the environment's DATA_FOLDER, else `data/` in the checkout."""
    return Path(os.environ.get("DATA_FOLDER") or ROOT / "data").resolve()


@dataclass(frozen=True)
class Dataset:
    """One data set and the places of its artefacts."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or not all(character.isalnum() or character in "-_" for character in self.name):
            raise ValueError(f"data set name {self.name!r}: use letters, digits, '-' and '_' only")

    folder = property(lambda self: data_folder() / self.name)
    raw = property(lambda self: self.folder / "raw")
    source = property(lambda self: self.raw / "source.json")
    splits = property(lambda self: self.folder / "splits")
    manifest = property(lambda self: self.splits / "manifest.json")
    rejected = property(lambda self: self.splits / "rejected.parquet")
    pretrained = property(lambda self: self.folder / "pretrained")

    def split(self, name: str) -> Path:
        """The Parquet file of a split: train, validation, test, manual or new_test."""
        if name not in SPLITS:
            raise ValueError(f"split {name!r}: one of {', '.join(SPLITS)}")
        return self.splits / f"{name}.parquet"

    def figures(self, stage: str) -> Path:
        return self.folder / "figures" / stage

    def run(self, name: str) -> Run:
        return Run(self, name)

    def runs(self) -> list[Run]:
        """Every run folder there is, by name."""
        return [Run(self, folder.name) for folder in sorted((self.folder / "runs").glob("*")) if folder.is_dir()]


@dataclass(frozen=True)
class Run:
    """One run (a size, and the parameters that differ from the defaults) and the places of its artefacts."""

    dataset: Dataset
    name: str

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise ValueError(f"run name {self.name!r}: a size such as 50000 or all, without '/'")

    folder = property(lambda self: self.dataset.folder / "runs" / self.name)
    vocabulary = property(lambda self: self.folder / "vocabulary.txt")
    word_vectors = property(lambda self: self.folder / "word_vectors.npy")
    model = property(lambda self: self.folder / "model.keras")
    history = property(lambda self: self.folder / "history.csv")
    training = property(lambda self: self.folder / "training.json")
    checkpoints = property(lambda self: self.folder / "checkpoints")
    metrics = property(lambda self: self.folder / "metrics.json")
    diagnosis = property(lambda self: self.folder / "diagnosis.json")
    promotion = property(lambda self: self.folder / "promotion.json")
    saved_model = property(lambda self: self.folder / "saved_model")
    sweeps = property(lambda self: self.folder / "sweeps")
    model_card = property(lambda self: self.folder / "MODEL_CARD.md")

    def encoded(self, split: str) -> Path:
        return self.folder / "encoded" / split

    def predictions(self, split: str) -> Path:
        return self.folder / "predictions" / f"{split}.parquet"

    def baseline(self, name: str) -> Path:
        return self.folder / "baselines" / name

    def figures(self, stage: str) -> Path:
        return self.folder / "figures" / stage

    def monitor(self, new: str) -> Path:
        """The folder of a look at a file of new texts, named after the file and its place; "rehearsal" for none."""
        return self.folder / "monitor" / (_named_after(Path(new)) if new else "rehearsal")

    def evaluation(self, file: str) -> Path:
        return self.folder / "evaluate_on" / f"{_named_after(Path(file))}.json"


def _named_after(file: Path) -> str:
    """The file's name and a piece of the hash of its whole path, which tells a/x.csv and b/x.csv apart."""
    return re.sub(r"^\.+|[^\w.-]+", "-", f"{file.name[:60]}-{hashlib.sha256(bytes(file.resolve())).hexdigest()[:6]}")


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to the disk and rename it into place.

    The suffixes are kept (Keras and pandas choose a format by them). An error leaves what was there untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix="".join(path.suffixes), dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: Path | str) -> Iterator[Path]:
    """Like `written_whole` for a folder; an older folder of that name is replaced in one rename and then removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        for file in filter(Path.is_file, temporary.rglob("*")):
            _flush(file)
        temporary.chmod(0o755)
        older = temporary.with_name(f"{temporary.name}-older")
        if path.exists():
            os.replace(path, older)
        os.replace(temporary, path)
        shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_json(path: Path | str, value: object) -> None:
    """Write `value` as indented UTF-8 JSON, whole; NaN and infinities are refused."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> dict:
    """Read a JSON file; a missing or broken one is named in the error."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); delete it and run its stage again") from error


def sha256(path: Path | str) -> str:
    """The hexadecimal SHA-256 of a file, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path | str, *, waiting: str = "") -> Iterator[None]:
    """Hold an exclusive lock, `.NAME.lock` beside `path`; where another holds it, print `waiting` and wait for it."""
    from filelock import FileLock, Timeout

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        held = file.acquire(timeout=0 if waiting else -1)
    except Timeout:
        print(waiting, flush=True)
        held = file.acquire()
    with held:
        yield

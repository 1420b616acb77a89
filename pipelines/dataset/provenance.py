"""Where the raw file of a data set came from and how it is laid out: `raw/source.json`.

Sentiment140's own layout is known; a user's table is described by what its import found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines import artifacts

ROLES = ("text", "label", "id", "date", "user")
OFFICIAL_NAME = "sentiment140"
OFFICIAL_COLUMNS = ("target", "id", "date", "flag", "user", "text")
OFFICIAL_ROLES = {"text": "text", "label": "target", "id": "id", "date": "date", "user": "user"}
OFFICIAL_LABELS = {"negative": "0", "positive": "4"}
OFFICIAL_NEUTRAL = "2"
SAMPLE_NAME = "sample"


class SourceError(ValueError):
    """A file that cannot become a data set; the message says what was found and what to do."""


@dataclass(frozen=True)
class Source:
    """What is known of a data set's raw files.

    Attributes:
        dataset: name of the data set.
        kind: "sentiment140", "sample" or "custom".
        origin: address or file name that was given.
        sha256, bytes: of the file as it came (the zip, not what was in it).
        files: role ("train", "manual") → file name under raw/.
        contents: file name → {"sha256", "bytes"}.
        format: "csv", "tsv", "jsonl" or "parquet".
        encoding: "latin-1" or "utf-8" for text formats.
        header: whether the first line names the columns.
        columns: role → column; None where the data set has none.
        labels: {"negative": value, "positive": value}.
        ignored_labels: values that are dropped and counted as neutral.
        parent: the data set whose raw files these are; "" for its own.
        holdout: how test rows are held out, see `derived`; "" for at random, without repeats.
        extends: the data set to whose splits these rows are added, see `lineage`; "" for a data set of its own.
    """

    dataset: str
    kind: str
    origin: str
    sha256: str
    bytes: int
    files: dict[str, str]
    contents: dict[str, dict]
    format: str
    encoding: str
    header: bool
    columns: dict[str, str | None]
    labels: dict[str, str]
    ignored_labels: list[str] = field(default_factory=list)
    parent: str = ""
    holdout: str = ""
    extends: str = ""

    @property
    def folder(self) -> Path:
        """Where the raw files are."""
        return artifacts.Dataset(self.parent or self.dataset).raw

    def path(self, role: str) -> Path:
        """The raw file that holds the rows of "train" or "manual"."""
        return self.folder / self.files[role]


def describe(path: Path) -> dict:
    """{"sha256", "bytes"} of a file."""
    return {"sha256": artifacts.sha256(path), "bytes": path.stat().st_size}


def official(dataset: str, *, folder: Path, files: dict[str, str], origin: str, came_as: dict) -> Source:
    """The source of files in Sentiment140's layout: headerless, latin-1, six columns, 0, 2 and 4 as labels."""
    return Source(
        dataset=dataset,
        kind="sentiment140",
        origin=origin,
        **came_as,
        files=files,
        contents={name: describe(folder / name) for name in files.values()},
        format="csv",
        encoding="latin-1",
        header=False,
        columns=dict(OFFICIAL_ROLES),
        labels=dict(OFFICIAL_LABELS),
        ignored_labels=[OFFICIAL_NEUTRAL],
    )


class _UnchangedError(Exception):
    """What is to be stored is there already."""


def store(dataset: artifacts.Dataset, fill: Callable[[Path], Source]) -> Source:
    """Make the raw folder, whole: `fill` puts files into the folder it is given and says what they are.

    The caller holds the lock of `dataset.raw`. On an error an older data set of that name stays as it was; so it does,
    with its time stamps, when it is the same.
    """
    try:
        with artifacts.folder_written_whole(dataset.raw) as folder:
            source = fill(folder)
            if _is_there(dataset, source):
                raise _UnchangedError
            artifacts.write_json(folder / "source.json", dataclasses.asdict(source))
    except _UnchangedError:
        pass
    return source


def _is_there(dataset: artifacts.Dataset, source: Source) -> bool:
    try:
        return load(dataset) == source
    except (SourceError, TypeError, ValueError):
        return False


def load(dataset: artifacts.Dataset) -> Source:
    """Read a data set's source and check that its raw files are still those that were imported.

    Raises:
        SourceError: no such data set, or a raw file that is missing or changed.
    """
    if not dataset.source.exists():
        raise SourceError(f"no data set {dataset.name!r}; there are: {', '.join(existing()) or 'none'} (see make data)")
    source = Source(**artifacts.read_json(dataset.source))
    for name, known in source.contents.items():
        path = source.folder / name
        if not path.exists() or describe(path) != known:
            state = "is not what was imported" if path.exists() else "is missing"
            raise SourceError(f"{path} {state}: import it again with make data FROM=… (or delete {source.folder})")
    return source


def existing() -> list[str]:
    """Names of the data sets that are there."""
    return sorted(path.parent.parent.name for path in artifacts.data_folder().glob("*/raw/source.json"))

"""What a given file is, and its unpacking: zip and gzip, streamed, with a progress bar."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from pipelines.dataset.provenance import OFFICIAL_COLUMNS, OFFICIAL_LABELS, OFFICIAL_NEUTRAL, SourceError

BLOCK_BYTES = 1 << 20
MAGIC = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip", b"PAR1": "parquet"}
OWN_TEXTS_HINT = "for your own texts: make data FROM=… NAME=… TEXT=column LABEL=column"


def kind_of(path: Path) -> str:
    """ "zip", "gzip", "parquet" or "text", by the first bytes.

    Raises:
        SourceError: no such file, a folder, or an empty file.
    """
    if not path.exists():
        raise SourceError(f"no file {path}")
    if not path.is_file():
        raise SourceError(f"{path} is no file; name the file in it")
    with path.open("rb") as file:
        first = file.read(4)
    if not first:
        raise SourceError(f"{path} is empty (0 bytes)")
    return next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), "text")


def is_official(path: Path) -> bool:
    """Whether a CSV has Sentiment140's layout: most of its first rows fit it, and the first one names no columns."""
    with path.open("rb") as file:
        head = file.read(1 << 16).decode("latin-1")
    rows = [row for row in csv.reader(io.StringIO(head.replace("\0", ""), newline="")) if row][:20]
    return sum(map(_fits, rows)) * 2 > len(rows) and not _is_header(rows[0])


def _fits(row: list[str]) -> bool:
    """Six fields: a label, the number of a tweet (or none), and four more."""
    return len(row) == len(OFFICIAL_COLUMNS) and _is_label(row[0]) and (not row[1].strip() or _is_number(row[1]))


def _is_header(row: list[str]) -> bool:
    """Names where the others have a label and a number; a broken row has too few fields, or one of the two."""
    return len(row) == len(OFFICIAL_COLUMNS) and not _is_label(row[0]) and not _is_number(row[1])


def _is_label(field: str) -> bool:
    return field in (*OFFICIAL_LABELS.values(), OFFICIAL_NEUTRAL)


def _is_number(field: str) -> bool:
    return field.strip().replace(".", "", 1).replace("E+", "", 1).isdecimal()  # a spreadsheet writes 1.46E+09


def unpack_zip(path: Path, folder: Path) -> dict[str, str]:
    """Unpack the CSVs of a Sentiment140 zip, the official one or Kaggle's, into a folder.

    Returns:
        Role → file name: "train", and "manual" where it is there.

    Raises:
        SourceError: the zip is broken, or other files are in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {Path(name).name: name for name in archive.namelist() if name.lower().endswith(".csv")}
            files = _roles(list(members), path)
            for name in files.values():
                info = archive.getinfo(members[name])
                with archive.open(info) as packed:
                    copy(packed, folder / name, total=info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{path.name} is a broken zip ({error}): fetch it again") from error
    return files


def _roles(names: list[str], path: Path) -> dict[str, str]:
    names = [name for name in names if not name.startswith(".")]
    manual = [name for name in names if name.startswith("testdata")]
    train = [name for name in names if name not in manual]
    if len(train) != 1 or len(manual) > 1:
        found = ", ".join(names) or "no CSV"
        raise SourceError(
            f"{path.name} holds {found}; expected Sentiment140's training CSV, alone or with testdata….csv. "
            f"Unpack it yourself; {OWN_TEXTS_HINT}"
        )
    return {"train": train[0], **({"manual": manual[0]} if manual else {})}


def unpack_gzip(path: Path, target: Path) -> None:
    """Unpack a gzipped file.

    Raises:
        SourceError: it is broken or cut off.
    """
    try:
        with gzip.open(path) as packed:
            copy(packed, target, total=None)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{path.name} is a broken gzip file ({error}): fetch it again") from error


def copy(source: BinaryIO, target: Path, *, total: int | None) -> None:
    """Copy a stream to a file under a progress bar; `total` is its size in bytes where that is known."""
    with (
        target.open("wb") as file,
        tqdm.wrapattr(source, "read", total=total, desc=target.name) as stream,
    ):
        shutil.copyfileobj(stream, file, BLOCK_BYTES)

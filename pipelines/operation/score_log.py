"""The scores that the service has written into its log, gzipped or not: one JSON line a request, without texts."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from pipelines.dataset.provenance import SourceError

REQUEST = '"message": "request"'
SCORES = ("scores", "probabilities")
TABLES = (".parquet", ".csv", ".tsv", ".tab")
FIRST_LINES = 1_000
BROKEN_GZIP = (gzip.BadGzipFile, zlib.error, EOFError)


def is_log(path: Path) -> bool:
    """Whether a request of the service stands among the first lines."""
    unpacked = path.with_suffix("") if _is_gzipped(path) else path
    if unpacked.suffix.lower() in TABLES:
        return False
    try:
        with _opened(path) as file:
            return any(REQUEST in line for _, line in zip(range(FIRST_LINES), file, strict=False))
    except BROKEN_GZIP:
        return False  # whoever reads it as a table says what is broken


def read(path: Path, *, model_version: str, most: int, seed: int) -> tuple[np.ndarray, int, dict[str, int]]:
    """A sample of the probabilities by one model, drawn while reading, so that memory does not grow with the log.

    Args:
        path: the log; lines of other kinds may stand between.
        model_version: of the model; a line that names another one is left out, one that names none is taken.
        most: scores that are kept; seed: by which they are drawn.

    Returns:
        float32 [sampled], how many scores the log holds, and reason → requests that were left out.

    Raises:
        SourceError: no scores of that model, one that is no probability, or a broken gzip file.
    """
    kept, left_out, rows, generator = [], Counter(), 0, random.Random(seed)
    try:
        for score in _scores(path, model_version, left_out):
            rows += 1
            if not 0 <= score <= 1:
                raise SourceError(f"{path.name}: scores such as {score} are no probabilities")
            # Each score so far is among the kept ones with the same probability (algorithm R, Vitter 1985).
            if len(kept) < most:
                kept.append(score)
            elif (place := generator.randrange(rows)) < most:
                kept[place] = score
    except BROKEN_GZIP as error:
        raise SourceError(f"{path} is a broken gzip file ({error}): is it still being written?") from error
    if not kept:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items())
        raise SourceError(
            f"{path.name} holds no scores of {model_version} ({reasons}): serve it with LOG_SCORES=1, or compare with "
            "the run that was served"
        )
    return np.array(kept, np.float32), rows, dict(left_out)


def _is_gzipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _opened(path: Path) -> TextIO:
    return (gzip.open if _is_gzipped(path) else open)(path, "rt", encoding="utf-8", errors="replace")


def _scores(path: Path, model_version: str, left_out: Counter[str]) -> Iterator[float]:
    """The scores of a model, in the order of the log; requests without any are counted in `left_out`."""
    with _opened(path) as file:
        for line in (line for line in file if REQUEST in line):
            version, scores = _request(line)
            if not scores:
                left_out["requests without scores"] += 1
            elif version not in (None, model_version):
                left_out[f"requests to {version}"] += 1
            else:
                yield from scores


def _request(line: str) -> tuple[str | None, list[float]]:
    """Model and scores of a line; one that was cut off has none."""
    try:
        record = json.loads(line)
        given = next((record[name] for name in SCORES if name in record), [])
        return record.get("model_version"), [float(score) for score in given]
    except (ValueError, TypeError, AttributeError):
        return None, []

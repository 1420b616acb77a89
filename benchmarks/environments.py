"""Virtual environments for packages that cannot live in ours, used by benchmarks and by tests.

Each stands on top of the environment that runs this file: a `.pth` puts the site-packages of that one at the end of
its path. pip sees them there, installs only what is missing or must be another version, and TensorFlow (1.5 GB) is not
installed a second time. The pins are in `pins/NAME.txt`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / ".venvs"
REQUIREMENTS = ROOT / "benchmarks" / "pins"


class NotInstalledError(RuntimeError):
    """pip could not install an environment; the message ends with what it said."""


def python_of(name: str) -> Path:
    """The interpreter of an environment, which is made where it is missing or not of these pins.

    Raises:
        NotInstalledError: for instance where no package index can be reached.
    """
    FOLDER.mkdir(exist_ok=True)
    with FileLock(FOLDER / f".{name}.lock"):
        folder, wanted = FOLDER / name, _fingerprint(name)
        ready = folder / "ready"
        if not (ready.exists() and ready.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, REQUIREMENTS / f"{name}.txt")
            ready.write_text(wanted)
    return folder / "bin" / "python"


def _fingerprint(name: str) -> str:
    """What the environment is made from, as one hash: its pins, the interpreter, and what it stands on."""
    files = (REQUIREMENTS / f"{name}.txt", ROOT / "requirements.txt")
    made_from = [str(Path(sys.executable)), sys.version, *(path.read_text() for path in files)]
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()


def _make(folder: Path, requirements: Path) -> None:
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "-r"]
    done = subprocess.run([*pip, requirements], capture_output=True, text=True)
    if done.returncode:
        raise NotInstalledError(f"{requirements.name} cannot be installed: {done.stderr.strip()[-500:]}")

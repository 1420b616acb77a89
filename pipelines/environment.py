"""Make `.venv` from the lock file: `python3 pipelines/environment.py [dev]`. Standard library only; it runs before all else.

uv is used where it is installed, `venv` and pip where not. Several at once wait for one another; what is already as
the lock file says is left alone; an interrupted set-up is begun again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
SUPPORTED = ((3, 11), (3, 12), (3, 13))
REQUIREMENTS = {"run": "requirements.txt", "dev": "requirements-dev.txt"}


def find_python():
    """A Python that the lock file supports: this one, else one on the PATH."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in reversed(SUPPORTED):
        found = shutil.which("python%d.%d" % (major, minor))
        # A version manager's stand-in is on the PATH for versions that are not there: ask it.
        if found and subprocess.call([found, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) == 0:
            return found
    versions = ", ".join("%d.%d" % version for version in SUPPORTED)
    sys.exit("error: no Python of %s found (this is %s); install one, or use conda: environment.yml"
             % (versions, sys.version.split()[0]))


def fingerprint(kind):
    """What the environment is made from, as one hash."""
    files = [ROOT / REQUIREMENTS[kind], ROOT / "pyproject.toml"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def install(kind):
    """Create the environment where it is missing and install the lock file and this project into it."""
    uv, python = shutil.which("uv"), VENV / "bin" / "python"
    if not python.exists():
        shutil.rmtree(str(VENV), ignore_errors=True)
        base = find_python()
        subprocess.check_call([uv, "venv", "--quiet", "--python", base, str(VENV)] if uv else [base, "-m", "venv", str(VENV)])
    pip = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip", "install"]
    quiet = ["--quiet", *([] if uv else ["--disable-pip-version-check", "--no-compile"])]
    print("installing %s with %s …" % (REQUIREMENTS[kind], "uv" if uv else "pip"), file=sys.stderr, flush=True)
    subprocess.check_call([*pip, *quiet, "--require-hashes", "-r", str(ROOT / REQUIREMENTS[kind])])
    subprocess.check_call([*pip, *quiet, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def main():
    """Bring `.venv` to what the lock file says, under a lock."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    ready = VENV / ("ready-" + kind)
    with open(str(ROOT / ".venv.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint(kind)
        if ready.exists() and ready.read_text() == wanted:
            os.utime(str(ready))
            return
        install(kind)
        ready.write_text(wanted)
        if kind == "dev":
            (VENV / "ready-run").write_text(fingerprint("run"))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit("error: %s failed (exit status %d); what it said stands above" % (" ".join(map(str, error.cmd[:4])), error.returncode))

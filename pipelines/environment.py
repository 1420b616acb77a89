"""Make `.venv` from the lock file: `python3 pipelines/environment.py [dev]`. Runs before all else: standard library.

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
        found = shutil.which(f"python{major}.{minor}")
        # A version manager's stand-in is on the PATH for versions that are not there: ask it.
        if found and subprocess.call([found, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) == 0:
            return found
    versions = ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
    mine = sys.version.split()[0]
    sys.exit(f"error: no Python of {versions} found (this is {mine}); install one, or use conda: environment.yml")


def fingerprint(kind):
    """What the environment is made from, as one hash."""
    files = [ROOT / REQUIREMENTS[kind], ROOT / "pyproject.toml", Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def install(kind):
    """Create the environment where it is missing and install the lock file and this project into it."""
    uv, python = shutil.which("uv"), VENV / "bin" / "python"
    if not python.exists():
        shutil.rmtree(str(VENV), ignore_errors=True)
        base = find_python()
        make = [uv, "venv", "--quiet", "--python", base] if uv else [base, "-m", "venv"]
        subprocess.check_call([*make, str(VENV)])
    if not uv and subprocess.call([str(python), "-c", "import pip"], stderr=subprocess.DEVNULL) != 0:
        subprocess.check_call([str(python), "-m", "ensurepip", "--upgrade"])  # the environment was made by uv
    pip = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip", "install"]
    quiet = ["--quiet", *([] if uv else ["--disable-pip-version-check", "--no-compile"])]
    print(f"installing {REQUIREMENTS[kind]} with {'uv' if uv else 'pip'} …", file=sys.stderr, flush=True)
    subprocess.check_call([*pip, *quiet, "--require-hashes", "-r", str(ROOT / REQUIREMENTS[kind])])
    subprocess.check_call([*pip, *quiet, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    # Once, on all cores: where Python is told to keep no bytecode (PYTHONDONTWRITEBYTECODE), each start of each stage
    # would compile all that it imports again, TensorFlow for 15 seconds. uv does not compile, pip does on one core.
    compile_all = [str(python), "-m", "compileall", "-qq", "-j", "0", "-x", r"[/\\]tests?[/\\]"]
    subprocess.call([*compile_all, str(VENV)])  # a file for another Python is no failure


def main():
    """Bring `.venv` to what the lock file says, under a lock."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    ready = VENV / f"ready-{kind}"
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
        command = " ".join(str(word) for word in error.cmd[:4])
        sys.exit(f"error: {command} … failed (exit status {error.returncode}); what it said stands above")

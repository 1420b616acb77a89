"""How a command of several stages ends: an exit status that a script can act on, and one line that says why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

FAILED, REFUSED, STOPPED = 1, 2, 130


def ended(work: Callable[[], int], *, interrupted: str = "the same command goes on from there") -> int:
    """Do the work of a command; returns its exit status.

    Args:
        work: returns the status of what it found; a ValueError or FileNotFoundError from it means that the wish cannot
            be granted, any other exception that it could not be done.
        interrupted: what becomes of work that a user stops.

    Returns:
        What `work` returns; 2 refused, 1 failed, 130 stopped, with a line on standard error.
    """
    try:
        return work()
    except (ValueError, FileNotFoundError) as error:
        return _said(str(error), REFUSED)
    except subprocess.CalledProcessError as error:
        return _said(f"{' '.join(error.cmd)} failed; the same command goes on from there", FAILED)
    except OSError as error:  # a ConnectionError too: what does not answer is named in it
        return _said(str(error), FAILED)
    except KeyboardInterrupt:
        return _said(f"stopped; {interrupted}", STOPPED)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        return _said(f"{type(error).__name__}: {lines[-1]}", FAILED)


def _said(line: str, status: int) -> int:
    print(f"error: {line}", file=sys.stderr)
    return status

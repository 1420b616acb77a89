"""What the service does when something breaks: each fault is caused for real, in turn, beside honest requests.

    MODEL_URI=data/sentiment140/runs/200000/saved_model python -m benchmarks.faults

Two workers on loopback with the default settings, driven by 32 connections that ask one text after another; clients,
service and the process that watches its health share the cores. A dropped request is one that was sent and got no
answer, on a connection whose end had not been announced.

Prints a table, and writes it to benchmarks/FAULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks import machine, reports
from benchmarks.faults import causes, reloading
from benchmarks.faults.service import running

PAGE = Path(__file__).parents[1] / "FAULTS.md"


async def every(seconds: int, only: str) -> list[tuple[str, str]]:
    """Each fault and what happened."""
    found = []
    for start, faults in (
        (running, causes.causes(seconds)),
        (reloading.in_a_folder, reloading.IN_A_FOLDER),
        (reloading.in_a_store, reloading.IN_A_STORE),
    ):
        chosen = {name: cause for name, cause in faults.items() if only in name}
        if not chosen:
            continue
        async with start() as place:
            for name, cause in chosen.items():
                found.append((name, await cause(place)))
                print(f"{name}: {found[-1][1]}", flush=True)
    return found


def report(about: str, rows: list[tuple[str, str]]) -> str:
    """The page."""
    lines = [f"| {name} | {what} |" for name, what in rows]
    head = f"# Faults tried\n\nWritten by `python -m benchmarks.faults`: {about} at the start.\n"
    return "\n".join([head, __doc__.split("\n\n")[2].strip(), "", "| fault | what happened |", "|---|---|", *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of overload; default: %(default)s")
    parser.add_argument("--only", default="", help="faults whose name has this in it; nothing is written then")
    options = parser.parse_args()
    if not os.environ.get("MODEL_URI"):
        sys.exit("MODEL_URI must name the folder of an exported model (…/saved_model).")
    os.environ["MODEL_URI"] = str(Path(os.environ["MODEL_URI"]).resolve())
    about = machine.about()
    rows = asyncio.run(every(options.seconds, options.only))
    if not options.only:
        reports.write(report(about, rows), PAGE)


if __name__ == "__main__":
    main()

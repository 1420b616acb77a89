"""The right probabilities, and whether a server returns them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

from benchmarks.environments import ROOT
from benchmarks.serving.server import TOLERANCE, Server, WrongAnswerError

AT_ONCE = 32


def expected(model: str, texts: list[str]) -> list[float]:
    """What TensorFlow makes of the texts, in a process that has ended when the first server starts."""
    command = [sys.executable, "-m", "benchmarks.serving.peers.saved_model", model]
    asked = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, cwd=ROOT)
    if asked.returncode:
        sys.exit(f"MODEL_URI={model} is not a folder with an exported model: {asked.stderr[-300:]}")
    return json.loads(asked.stdout)


def check(server: Server, texts: list[str], probabilities: list[float]) -> None:
    """Ask for each text by itself, many at a time, and for all in batches of 64.

    Raises:
        WrongAnswerError: a request failed, or a probability is another text's or none of this model.
    """
    batches = [(texts[i : i + 64], probabilities[i : i + 64]) for i in range(0, len(texts), 64)]
    asked = [([text], [right]) for text, right in zip(texts, probabilities, strict=True)] + batches
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for message in threads.map(lambda pair: _compare(server, *pair), asked):
            if message:
                raise WrongAnswerError(message)


def _compare(server: Server, texts: list[str], right: list[float]) -> str:
    try:
        found = server.ask(texts)
    except HTTPError as error:
        return f"{error.code} for {len(texts)} texts: {error.read()[:200]!r}"
    except OSError as error:
        return f"no answer for {len(texts)} texts: {error}"
    if len(found) != len(right) or any(abs(one - other) > TOLERANCE for one, other in zip(found, right, strict=True)):
        return f"{texts[0]!r} … has {found[:3]} …, not {right[:3]} …"
    return ""

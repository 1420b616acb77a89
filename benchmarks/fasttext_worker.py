"""One fastText classifier, in an environment of its own: reads settings and files from a JSON, writes probabilities.

    python fasttext_worker.py TASK.json

TASK.json: "train", a file of `__label__1 words of a text` a line; "score", name → file of one text a line; "out", a
folder; "settings", arguments of `fasttext.train_supervised`. Written there: NAME.npy, P(label 1) float32 [lines], of
each file, and seconds.json.
"""

import json
import sys
import time
from pathlib import Path

import fasttext
import numpy as np

POSITIVE = "__label__1"


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text())
    out = Path(task["out"])
    started = time.perf_counter()
    model = fasttext.train_supervised(input=task["train"], verbose=0, **task["settings"])
    (out / "seconds.json").write_text(json.dumps(time.perf_counter() - started))
    for name, path in task["score"].items():
        # Split at the line feed alone: a text may hold what Python also takes for the end of a line.
        texts = Path(path).read_text(encoding="utf-8").split("\n")[:-1]
        found = (dict(zip(*model.predict(text, k=2), strict=True)) for text in texts)
        np.save(out / f"{name}.npy", np.array([one.get(POSITIVE, 0.0) for one in found], np.float32).clip(0, 1))


if __name__ == "__main__":
    main()

"""`python -m serving.predict "text" …`: label and probability as JSON, without a server."""

from __future__ import annotations

import json
import sys

from serving.manifest import ModelError
from serving.settings import Settings, SettingsError


def main(arguments: list[str]) -> int:
    """Print one JSON object a text; returns the exit status."""
    if not arguments or arguments == [""]:
        print('No text was given: make predict TEXT="python is great"', file=sys.stderr)
        return 2
    from serving import logs, predictor, store

    try:
        settings = Settings.from_environment()
        folder = store.folder(settings)
        with logs.without_remarks():  # of libraries, about the machine: no part of an answer
            model = predictor.load(folder, runtime=settings.serving_runtime, threads=settings.model_threads)
        store.keep(settings, folder)
    except (ModelError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    # What the shell passes may not be UTF-8; the service would refuse it, here it is shown as it is scored.
    texts = [argument.encode("utf-8", "replace").decode("utf-8") for argument in arguments]
    for score in model.score(texts):
        print(json.dumps(predictor.prediction(model, score) | {"model_version": model.model_version}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

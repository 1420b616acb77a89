"""Import a given file as a data set: Sentiment140 in any of its wrappings, or a user's own table."""

from __future__ import annotations

import shutil
import sys
import urllib.parse
from dataclasses import replace
from pathlib import Path

from pipelines import artifacts
from pipelines.dataset import archives, lineage, own_labels, own_texts, provenance
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import OFFICIAL_NAME, SAMPLE_NAME, Source, SourceError


def import_file(origin: str, *, name: str | None, request: Request, extends: Source | None = None) -> artifacts.Dataset:
    """Import a file or an address.

    Args:
        origin: path or http(s) address of a Sentiment140 zip or CSV, or of a CSV, TSV, JSONL or Parquet file; all but
            the zip may be gzipped.
        name: of the data set; None for sentiment140.
        request: what the columns and labels of a user's own table are.
        extends: the source of the data set to which the rows will be added, see `lineage`; None: to none.

    Raises:
        SourceError: what was found cannot be used; an older data set of that name stays as it was.
        DownloadError: the address cannot be fetched.
    """
    if request.is_given and name in (None, OFFICIAL_NAME):
        raise SourceError("TEXT, LABEL, … describe a table of yours: give it a NAME of its own, such as NAME=reviews")
    if name == SAMPLE_NAME:
        raise SourceError("NAME=sample is the embedded data set: choose another NAME")
    dataset = artifacts.Dataset(name or OFFICIAL_NAME)
    if not extends and (later := lineage.version_after(dataset)):
        raise SourceError(
            f"NAME={dataset.name} has versions, such as {later.name}, which make retrain has made: choose another NAME "
            f"or remove {later.folder} and those after it first"
        )
    if not is_address(origin):
        archives.kind_of(Path(origin).expanduser())
    with artifacts.lock(dataset.raw):
        path = _fetched(origin, dataset) if is_address(origin) else Path(origin).expanduser()
        came_from = {"origin": origin if is_address(origin) else path.name, "came_as": provenance.describe(path)}
        source = provenance.store(
            dataset, lambda folder: _fill(folder, path, dataset.name, request, came_from, extends)
        )
        shutil.rmtree(_download_folder(dataset), ignore_errors=True)
    print(_report(source), file=sys.stderr, flush=True)
    return dataset


def is_address(origin: str) -> bool:
    """Whether a FROM is to be fetched."""
    return origin.startswith(("http://", "https://"))


def _download_folder(dataset: artifacts.Dataset) -> Path:
    return dataset.folder / ".download"


def _fetched(address: str, dataset: artifacts.Dataset) -> Path:
    from pipelines.dataset.download import download
    from pipelines.dataset.remote import Remote

    target = _download_folder(dataset) / (Path(urllib.parse.urlsplit(address).path).name or "file.csv")
    target.unlink(missing_ok=True)
    download(Remote(address), target)
    return target


def _fill(folder: Path, path: Path, name: str, request: Request, came_from: dict, extends: Source | None) -> Source:
    """Put the raw files into `folder` and say what they are."""
    kind = archives.kind_of(path)
    if kind == "zip":
        files = archives.unpack_zip(path, folder)
    else:
        inner = path.name.removesuffix(".gz") if kind == "gzip" else path.name
        files = {"train": inner}
        if kind == "gzip":
            archives.unpack_gzip(path, folder / inner)
        else:
            with path.open("rb") as file:
                archives.copy(file, folder / inner, total=path.stat().st_size)
    train = folder / files["train"]
    inner_kind = archives.kind_of(train)
    if not request.is_given and inner_kind == "text" and archives.is_official(train):
        found = provenance.official(name, folder=folder, files=files, **came_from)
        return replace(found, extends=extends.dataset) if extends else found
    if name == OFFICIAL_NAME or kind == "zip":
        raise SourceError(
            f"{train.name} has not the layout of Sentiment140 (no header; columns "
            f"{', '.join(provenance.OFFICIAL_COLUMNS)}; labels 0 and 4); {archives.OWN_TEXTS_HINT}"
        )
    return _own_source(train, inner_kind, name, request, came_from, extends)


def _own_source(path: Path, kind: str, name: str, request: Request, came_from: dict, extends: Source | None) -> Source:
    format = own_texts.format_of(path, kind)
    if kind != "parquet":
        own_texts.check_encoding(path)
    names = own_texts.column_names(path, format)
    known = lineage.sources(extends) if extends else []
    for source in known:  # the newest first; an older file may have had the columns of this one
        request = own_texts.as_before(request, source, names=names)
    columns = own_texts.choose_columns(names, request, where=path.name)
    counts = own_labels.count(path, format=format, columns=columns)
    alike = next((source for source in known if {*source.labels.values()} <= {*counts}), extends)
    labels, ignored = own_labels.choose(counts, request, column=columns["label"], known=alike)
    return Source(
        dataset=name,
        kind="custom",
        origin=came_from["origin"],
        **came_from["came_as"],
        files={"train": path.name},
        contents={path.name: provenance.describe(path)},
        format=format,
        encoding="utf-8",
        header=True,
        columns=columns,
        labels=labels,
        ignored_labels=ignored,
        extends=extends.dataset if extends else "",
    )


def _report(source: Source) -> str:
    columns = ", ".join(f"{role} = {column}" for role, column in source.columns.items() if column)
    values = [*source.labels.items(), *(("set aside", value) for value in source.ignored_labels)]
    meaning = ", ".join(f"{value!r} → {name}" for name, value in values)
    after = "" if source.extends else f"; next: make train DATASET={source.dataset}"
    return f"{source.dataset}: imported {source.origin} ({columns}; {meaning}){after}"

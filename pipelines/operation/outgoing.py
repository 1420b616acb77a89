"""Scored rows on the disk: parts that are written whole as they come, then joined into the file that was asked for.

.OUT.parts/plan.json       what is being scored, by what: parts of another plan are not used
.OUT.parts/00000.arrow     the rows of one window
OUT.manifest.json          what OUT was made from, its counts and its SHA-256
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
from tqdm import tqdm

from pipelines import artifacts
from pipelines.operation import json_rows, table_file

ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl")


class OutputError(ValueError):
    """A place that cannot be written to; the message says why and the way out."""


@dataclass
class Counts:
    """What became of the rows."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self.labels.update(label for label in table["label"].to_pylist() if label is not None)
        self.errors.update(error.split(":")[0] for error in table["error"].drop_null().to_pylist())

    def as_dict(self) -> dict:
        scored = self.labels.total()
        return {"rows": self.rows, "scored": scored, "labels": dict(self.labels), "errors": dict(self.errors)}


def check_out(out: Path, schema: pa.Schema) -> None:
    """Check that a file of these columns can be written there.

    Raises:
        OutputError: it cannot.
    """
    if out.suffix not in ENDINGS:
        raise OutputError(f"OUT={out}: expected a name that ends in {', '.join(ENDINGS)}")
    if not out.parent.is_dir():
        raise OutputError(f"OUT={out}: there is no folder {out.parent}: mkdir -p '{out.parent}'")
    if out.is_dir():
        raise OutputError(f"OUT={out} is a folder: name a file in it")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise OutputError(f"OUT={out}: no file can be made in {out.parent} ({error.strerror})") from None
    for column in schema:
        if why := _why_not(column, out.suffix):
            raise OutputError(
                f"OUT={out}: column {column.name!r} is {why}, which {out.suffix} cannot hold: use .parquet"
            )


def _why_not(column: pa.Field, ending: str) -> str:
    """What of a column's type a format cannot hold as it is; "" for nothing."""
    kind = column.type
    if ending == ".parquet":
        return ""
    if _holds_bytes(kind):
        return f"{kind}"  # its bytes may be no text, which shows only when they are written
    if ending == ".jsonl":
        return ""
    if pa.types.is_nested(kind):
        return "nested"
    try:
        pacsv.write_csv(pa.table([pa.nulls(1, kind)], [column.name]), io.BytesIO())
    except pa.ArrowException:
        return f"{kind}"
    return ""


def _holds_bytes(kind: pa.DataType) -> bool:
    inner = [kind.field(place).type for place in range(kind.num_fields)]
    return table_file.holds_bytes(kind) or any(_holds_bytes(one) for one in inner)


def manifest_of(out: Path) -> Path:
    """Where it stands what a file was made from."""
    return out.with_name(f"{out.name}.manifest.json")


class Parts:
    """The parts of one output.

    Args:
        out: the file that they become.
        plan: what they are made from: input, model, column, window.
    """

    def __init__(self, out: Path, plan: dict) -> None:
        self.out, self.plan = out, plan
        self.folder = out.with_name(f".{out.name}.parts")

    def is_done(self) -> bool:
        """Whether the output is there already, made from the same."""
        made = self._made()
        return made.get("plan") == self.plan and made["output_sha256"] == artifacts.sha256(self.out)

    def _made(self) -> dict:
        return (
            artifacts.read_json(manifest_of(self.out)) if self.out.exists() and manifest_of(self.out).exists() else {}
        )

    def check_overwrite(self) -> None:
        """Refuse to replace a file that is not what this command left there.

        Raises:
            OutputError: it is not.
        """
        if not self.out.exists():
            return
        found = artifacts.sha256(self.out)
        joined = self.folder / "joined.json"  # killed between the renaming and the manifest
        ours = (self._made().get("output_sha256"), joined.exists() and artifacts.read_json(joined)["sha256"])
        if found not in ours:
            raise OutputError(f"OUT={self.out} exists and is not what this command left there: OVERWRITE=1 replaces it")

    def begin(self) -> int:
        """Make ready for writing; returns how many parts of the same plan are there."""
        plan = self.folder / "plan.json"
        if plan.exists() and artifacts.read_json(plan) != self.plan:
            before = artifacts.read_json(plan)
            changed = ", ".join(name for name, value in self.plan.items() if before.get(name) != value)
            print(f"what was begun earlier is of another {changed}: starting anew", flush=True)
            shutil.rmtree(self.folder)
        if not plan.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            artifacts.write_json(plan, self.plan)
        count = 0
        while self._part(count).exists():
            count += 1
        return count

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:05d}.arrow"

    def write(self, number: int, table: pa.Table) -> None:
        with artifacts.written_whole(self._part(number)) as temporary:
            options = ipc.IpcWriteOptions(compression="lz4")
            with ipc.new_file(str(temporary), table.schema, options=options) as writer:
                writer.write_table(table)

    def join(self, schema: pa.Schema, number: int) -> Counts:
        """Make the output of so many parts, and its manifest; the parts are gone afterwards."""
        counts = Counts()
        with artifacts.written_whole(self.out) as temporary:
            with _writer(temporary, schema) as write:
                for part in tqdm(range(number), desc=f"joining {self.out.name}", unit=" parts", leave=False):
                    with pa.memory_map(str(self._part(part))) as source:
                        table = ipc.open_file(source).read_all()
                        counts.add(table)
                        write(table)
            digest = artifacts.sha256(temporary)
            artifacts.write_json(self.folder / "joined.json", {"sha256": digest})
        record = {"plan": self.plan, **counts.as_dict(), "output_sha256": digest}
        artifacts.write_json(manifest_of(self.out), record)
        shutil.rmtree(self.folder)
        return counts


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """A function that appends a table to a file of the format that its name says."""
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, schema, compression="zstd") as parquet:
            yield parquet.write_table
    elif path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield lambda table: file.writelines(json_rows.lines(table))
    else:
        options = pacsv.WriteOptions(delimiter="\t" if path.suffix == ".tsv" else ",")
        with pacsv.CSVWriter(path, schema, write_options=options) as delimited:
            yield delimited.write_table

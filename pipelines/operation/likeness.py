"""How like its record a run is that was made again: what both are made from, each figure beside the recorded one."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines import artifacts, tracking
from pipelines.dataset.provenance import SourceError
from pipelines.evaluation import report

REPRODUCED, OTHER = 0, 3  # exit status
OF_OTHER_RUNS = "on_"  # begins the figures on test rows of other data sets, which `make holdouts` makes
ROUNDING = 1e-9  # of sums of floats: an interval that is a point still holds what another processor makes of it


@dataclass(frozen=True)
class Figure:
    """A figure of the record, its 95 % interval there, and what it is here (None: it was not made)."""

    name: str
    recorded: float
    low: float
    high: float
    here: float | None

    @property
    def same(self) -> bool:
        """Whether it is the same to the last digit."""
        return self.here == self.recorded

    @property
    def inside(self) -> bool:
        """Whether it is in the recorded interval."""
        return self.same or (self.here is not None and self.low - ROUNDING <= self.here <= self.high + ROUNDING)


def compare(record: dict, metrics: dict) -> list[Figure]:
    """Every figure of a record that has an interval, beside the one in metrics.json.

    Figures on the test rows of other data sets are compared where they were made here too.

    Args:
        record: as `examples.find` gives it; metrics: the content of metrics.json.
    """
    recorded = {name: steps[-1][1] for name, steps in record["metrics"].items()}
    here = report.flat(metrics)
    return [
        Figure(name, value, recorded[f"{name}_low"], recorded[f"{name}_high"], here.get(name))
        for name, value in recorded.items()
        if f"{name}_low" in recorded and (name in here or not name.startswith(OF_OTHER_RUNS))
    ]


def made_from(record: dict, dataset: artifacts.Dataset) -> dict[str, tuple[str, str]]:
    """What record and reproduction are made from: name → (there, here).

    Raises:
        SourceError: other raw files; figures of other data cannot be compared.
    """
    there, here, manifest = record["tags"], tracking.environment(), artifacts.read_json(dataset.manifest)
    found, other = {}, []
    for key in (key for key in there if key.startswith("raw.")):
        file = key.removeprefix("raw.").removesuffix(".sha256")
        mine = manifest["raw"].get(file, {}).get("sha256", "none")
        found[f"raw file {file}"] = (there[key], mine)
        other += [f"{file} has SHA-256 {mine}, that of the record {there[key]}"] if mine != there[key] else []
    if other:
        raise SourceError(
            f"{dataset.name} here is not the data of the record, so figures cannot be compared: {'; '.join(other)}. "
            f"Move {dataset.folder} away and import the record's files: make data FROM=…"
        )
    for split, digest in record.get("splits", {}).items():
        found[f"split {split}"] = (digest, manifest["files"].get(split.rpartition("/")[2], "none"))
    return found | {key: (there.get(key, "unknown"), here[key]) for key in here}


def lines_of(found: dict[str, tuple[str, str]]) -> list[str]:
    """`made_from` in lines."""
    return [f"  {name}: {there}" + (", as here" if there == here else f"; here {here}")
            for name, (there, here) in found.items()]  # fmt: skip


def judged(record: dict, metrics: dict) -> dict:
    """What came of it: parameters that differ, figures, status and verdict, as reproduction.json holds them."""
    figures, mine = compare(record, metrics), metrics["parameters"]
    other = {name: value for name, value in record["parameters"].items() if str(mine.get(name, value)) != value}
    outside, same = [one for one in figures if not one.inside], sum(one.same for one in figures)
    verdict = f"reproduced: all {len(figures)} figures are inside their recorded intervals, {same} to the last digit"
    if outside or not figures:
        verdict = f"not reproduced: {len(outside)} of {len(figures)} figures are outside their recorded intervals: "
        verdict += ", ".join(one.name for one in outside)
    return {
        "verdict": verdict,
        "status": OTHER if outside or not figures else REPRODUCED,
        "model_version": [record.get("model_version", "unknown"), metrics["model_version"]],
        "parameters": {name: [value, str(mine[name])] for name, value in other.items()},
        "figures": [vars(one) | {"same": one.same, "inside": one.inside} for one in figures],
    }


def table(found: dict) -> str:
    """`judged` for the terminal: figure, record with its interval, here, whether they are equal."""
    lines = [f"  {'figure':<52} {'record':>9} {'95 % interval':<21} {'here':>9}  same digits  inside"]
    for one in found["figures"]:
        here = "none" if one["here"] is None else f"{one['here']:.6f}"
        interval = f"[{one['low']:.6f}, {one['high']:.6f}]"
        same, inside = ("yes" if one[key] else "NO" for key in ("same", "inside"))
        lines.append(f"  {one['name']:<52} {one['recorded']:>9.6f} {interval:<21} {here:>9}  {same:<11}  {inside}")
    lines += [f"  {name}: {there} in the record, {here} here" for name, (there, here) in found["parameters"].items()]
    return "\n".join([*lines, "  model: {} in the record, {} here".format(*found["model_version"])])

"""How often the monitor raises an alarm, without drift and with known drift: `python -m benchmarks.drift_power`.

Each trial draws its reference and its new rows anew from the validation split, which the model has not learned, mixes
something into the new ones, and asks `pipelines.operation.drift.compare` as notebook 07 does. Writes DRIFT.md.
The German and Spanish texts are the sayings of Debian's packages fortunes-de and fortunes-es (GPL-2+).
"""

from __future__ import annotations

import argparse
import datetime
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from benchmarks import reports
from pipelines import artifacts, tracking
from pipelines.dataset import sample, tables
from pipelines.evaluation import metrics, summary
from pipelines.operation import drift, incoming, traits
from pipelines.operation.judgement import LEVEL, RETRAIN, STEADY
from pipelines.operation.traits import NO_LABEL, Traits

ROWS, MOST_NEW = 2_000, drift.MOST_ROWS  # new rows of a look, where the size is not what is studied
SIZES = (200, 500, 1_000, 2_000, 5_000)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
# Days of the file in which both classes have a thousand dated rows and more. From 17 June on every tweet is negative.
APRIL = ("2009-04-06", "2009-04-20")
WEEKS = {"1 to 7 June": ("2009-06-01", "2009-06-08"), "15 and 16 June": ("2009-06-15", "2009-06-17")}
WEEKS_NOTE = (
    "Tweets whose labels the model was not trained on, as many of each class, of days in which both classes are "
    "plenty. The vocabulary has read their texts, without labels: fewer of their words are unknown to it than of "
    "tweets still to come, so that drift in words is a little harder to find here. Validation holds tweets of all "
    "weeks, these too, so that against it little is left to find; against April it is what a monitor meets that looks "
    "at what came after its reference."
)
SAYINGS = {"German": "de", "Spanish": "es"}
FORTUNES = Path("/usr/share/games/fortunes")
MOST_OF_A_POOL = 8_000


@dataclass(frozen=True)
class Drift:
    """Something that is mixed in.

    Attributes:
        pool: rows that drifted; row for row the validation rows as a fault leaves them where `aligned`.
        share: of the new rows that come from it, where the share is not what is studied.
        reference: rows to compare with; None for validation rows.
    """

    name: str
    pool: Traits
    share: float
    aligned: bool = False
    reference: Traits | None = None


def validation_texts(run: artifacts.Run) -> tuple[pa.Array, np.ndarray]:
    table = pq.read_table(run.dataset.split("validation"), columns=["text", "label"]).combine_chunks()
    return table["text"].combine_chunks(), table["label"].to_numpy()


def balanced(texts: pa.Array, labels: np.ndarray, *, seed: int = 0) -> pa.Array:
    """As many rows of each class as there are of the rarer one, so that moods alone cannot give a drift away."""
    generator = np.random.default_rng(seed)
    rows = min(MOST_OF_A_POOL // 2, *np.bincount(labels, minlength=2))
    chosen = np.concatenate([generator.permutation(np.flatnonzero(labels == label))[:rows] for label in (0, 1)])
    return texts.take(pa.array(chosen))


def brand_tweets() -> pa.Array:
    with tempfile.TemporaryDirectory() as folder:
        source = sample.make(Path(folder))
        path, columns = Path(folder) / source.files["train"], source.columns
        read = tables.read_file(path, format=source.format, columns=columns, encoding=source.encoding)
        table = pa.concat_tables([rows.table for rows in read]).combine_chunks()
    texts, labels = table["text"].combine_chunks(), table["label"].combine_chunks()
    positive = pc.equal(labels, "positive").to_numpy(zero_copy_only=False)
    wanted = np.array(pc.is_in(labels, value_set=pa.array(["negative", "positive"]))) & incoming.first_of_each(texts)
    return balanced(texts.filter(pa.array(wanted)), positive[wanted].astype(np.int8))


def tweets_of(run: artifacts.Run, first_day: str, day_after: str) -> pa.Array:
    """Tweets of some days that the model was not trained on, as many of each class."""
    table = pq.read_table(run.dataset.split("train"), columns=["text", "label", "date"])
    table = table.slice(artifacts.read_json(run.training)["rows_train"])
    low, high = (pa.scalar(datetime.datetime.fromisoformat(day), pa.timestamp("s")) for day in (first_day, day_after))
    inside = pc.and_(pc.greater_equal(table["date"], low), pc.less(table["date"], high))
    table = table.filter(inside).combine_chunks()
    return balanced(table["text"].combine_chunks(), table["label"].to_numpy())


def sayings(folder: Path, language: str, *, like: pa.Array, seed: int = 0) -> pa.Array:
    """Short texts of another language; as many begin with a mention as in `like`, as tweets would."""
    found = set()
    for path in sorted((folder / SAYINGS[language]).glob("*")):
        if path.is_file() and path.suffix not in (".dat", ".u8"):
            for entry in re.split(r"\n%\n", path.read_bytes().decode("utf-8", "replace")):
                words = " ".join(entry.split("\n\t")[0].split())
                if 20 <= len(words) <= 140:
                    found.add(words)
    if not found:
        raise FileNotFoundError(f"no texts in {folder / SAYINGS[language]}: apt-get install fortunes-de fortunes-es")
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(sorted(found))[:MOST_OF_A_POOL]
    share = pc.mean(pc.match_substring_regex(like, traits.MARKS["mentions"])).as_py()
    mentions = generator.random(len(chosen)) < share
    return pa.array(
        [f"@someone {words}" if named else str(words) for words, named in zip(chosen, mentions, strict=True)]
    )


def mangled(texts: pa.Array, *, curly: bool) -> tuple[pa.Array, float]:
    """UTF-8 read as latin-1, and the share of rows that it changes.

    Args:
        texts: string [rows].
        curly: apostrophes are the curly ones that phones set, as they mostly are today.
    """
    sent = [words.replace("'", "’") if curly else words for words in texts.to_pylist()]
    broken = [words.encode().decode("latin-1") for words in sent]
    return pa.array(broken), float(np.mean([before != after for before, after in zip(sent, broken, strict=True)]))


def stripped(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, pattern=r"@[A-Za-z0-9_]+:?", replacement=""))


def look(base: Traits, mixed: Drift | None, *, share: float, rows: int, seed: int) -> drift.Comparison:
    """One trial: reference and new rows that never overlap, `share` of the new ones drifted."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(base))
    reference, fresh = base.take(order[: drift.MOST_ROWS]), order[drift.MOST_ROWS : drift.MOST_ROWS + rows]
    drifted = round(share * rows)
    new = base.take(fresh[drifted:])
    if mixed is not None:
        chosen = fresh[:drifted] if mixed.aligned else generator.permutation(len(mixed.pool))[:drifted]
        new = traits.together(new, mixed.pool.take(chosen))
        reference = reference if mixed.reference is None else mixed.reference.sample(drift.MOST_ROWS, seed=seed)
    return drift.compare(reference, new, seed=seed)


def verdicts_of(base: Traits, mixed: Drift | None, *, trials: int, share: float, rows: int) -> np.ndarray:
    """Verdicts of so many trials: string [trials]."""
    what = f"{mixed.name if mixed else 'no drift'}, {rows:,} rows, {100 * share:.0f} %"
    seeds = tqdm(range(trials), desc=what, mininterval=5)
    return np.array([look(base, mixed, share=share, rows=rows, seed=seed).verdict for seed in seeds])


def percent(alarms: np.ndarray) -> str:
    low, high = metrics.wilson(alarms.mean(), len(alarms))
    return f"{100 * alarms.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def unlabelled(run: artifacts.Run, texts: pa.Array) -> Traits:
    return traits.of_texts(run, texts, np.full(len(texts), NO_LABEL, np.int8))


def mixtures(run: artifacts.Run, texts: pa.Array, fortunes: Path) -> list[Drift]:
    """What came in instead of the usual: other topics and languages, and faults upstream."""
    made = [Drift("brand tweets of 2015", unlabelled(run, brand_tweets()), 0.2)]
    for language in SAYINGS:
        made.append(Drift(f"{language} texts", unlabelled(run, sayings(fortunes, language, like=texts)), 0.3))
    for name, curly in (("broken encoding", True), ("broken encoding, typed apostrophes", False)):
        broken, changed = mangled(texts, curly=curly)
        made.append(Drift(f"{name} ({100 * changed:.1f} % of rows change)", unlabelled(run, broken), 1, aligned=True))
    return [*made, Drift("mentions stripped", unlabelled(run, stripped(texts)), 1, aligned=True)]


def seasons(run: artifacts.Run) -> list[Drift]:
    """Later weeks against April, and against validation, which holds tweets of all weeks."""
    april = unlabelled(run, tweets_of(run, *APRIL))
    later = {name: unlabelled(run, tweets_of(run, *days)) for name, days in WEEKS.items()}
    against_april = [Drift(f"{name}, against 6 to 19 April", pool, 1, reference=april) for name, pool in later.items()]
    return against_april + [Drift(f"{name}, against validation", pool, 1) for name, pool in later.items()]


def false_alarms(base: Traits, labelled: Traits, *, trials: int) -> list[str]:
    lines = ["## Without drift", "", "| new rows | trials | alarms, % [95 %] |", "|---|---|---|"]
    for rows, side, kind in ((500, base, ""), (ROWS, base, ""), (ROWS, labelled, ", labelled")):
        alarms = verdicts_of(side, None, trials=trials, share=0, rows=rows) != STEADY
        lines.append(f"| {rows:,}{kind} | {trials} | {percent(alarms)} |")
    return lines


def detections(base: Traits, mixed: list[Drift], *, rows: int, trials: int) -> list[str]:
    lines = [f"{rows:,} new rows (or as many as there are), no labels, {trials} trials each.", ""]
    lines += ["| drift | share of the new rows | new rows | found, % [95 %] | retrain, % |", "|---|---|---|---|---|"]
    for one in mixed:
        there = rows if one.aligned or one.share < 1 else min(rows, len(one.pool))
        verdicts = verdicts_of(base, one, trials=trials, share=one.share, rows=there)
        graver = f"{100 * (verdicts == RETRAIN).mean():.0f}"
        alarms = percent(verdicts != STEADY)
        lines.append(f"| {one.name} | {100 * one.share:.0f} % | {there:,} | {alarms} | {graver} |")
    return lines


def power_table(base: Traits, mixed: Drift, *, trials: int) -> list[str]:
    head = "| new rows | " + " | ".join(f"{100 * share:.0f} %" for share in SHARES) + " |"
    lines = [
        f"## Power: {mixed.name}",
        "",
        f"Found, % of {trials} trials, by new rows and share of them that drifted.",
        "",
    ]
    lines += [head, "|---" * (1 + len(SHARES)) + "|"]
    for rows in SIZES:
        cells = [verdicts_of(base, mixed, trials=trials, share=share, rows=rows) for share in SHARES]
        lines.append(f"| {rows:,} | " + " | ".join(f"{100 * (cell != STEADY).mean():.0f}" for cell in cells) + " |")
    return lines


def header(run: artifacts.Run) -> list[str]:
    machine = tracking.environment()
    version = artifacts.read_json(run.saved_model / "manifest.json")["model_version"]
    return [
        "# Power of the drift monitor",
        "",
        f"Made by `python -m benchmarks.drift_power` on {datetime.date.today()}, at commit "
        f"`{machine['git_commit'][:10]}`, {machine['machine']}, with the model `{version}`.",
        "",
        f"Each trial draws {drift.MOST_ROWS:,} reference rows and the new rows anew. An alarm is a verdict other than "
        f"steady, at {100 * LEVEL:.0f} % for all tests together. Brackets are Wilson's 95 % intervals.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift_power", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="sentiment140")
    parser.add_argument("--run", default="")
    parser.add_argument("--trials", type=int, default=100, help="with drift; without it twice as many")
    parser.add_argument("--cell-trials", type=int, default=25, help="of each cell of the tables of power")
    parser.add_argument("--fortunes", type=Path, default=FORTUNES)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("DRIFT.md"))
    given = parser.parse_args()
    started = time.monotonic()
    run = summary.newest_evaluated(given.dataset, given.run)
    texts, labels = validation_texts(run)
    labelled = traits.of_texts(run, texts, labels)
    base, mixed = labelled.without_labels(), mixtures(run, texts, given.fortunes)
    lines = [*header(run), *false_alarms(base, labelled, trials=2 * given.trials), "", "## With drift", ""]
    lines += detections(base, mixed, rows=ROWS, trials=given.trials)
    lines += ["", "## Later weeks", "", WEEKS_NOTE, ""]
    later = seasons(run)
    for rows, compared in ((ROWS, later[: len(WEEKS)]), (MOST_NEW, later)):
        lines += [*detections(base, compared, rows=rows, trials=given.trials), ""]
    for one in mixed[:2]:
        lines += [*power_table(base, one, trials=given.cell_trials), ""]
    lines.append(f"The whole study took {(time.monotonic() - started) / 60:.0f} minutes.")
    reports.write("\n".join(lines) + "\n", given.output)


if __name__ == "__main__":
    main()

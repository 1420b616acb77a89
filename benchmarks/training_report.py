"""The race and the levers as a page of Markdown; every figure is computed from what was measured."""

from __future__ import annotations

import dataclasses

import pandas as pd

from benchmarks import machine, race, variants
from pipelines.evaluation import markdown

WITHOUT_VECTORS = "ours-without-vectors"
CONTESTANTS = ("classic", "ours", WITHOUT_VECTORS)
HEAD = """# Training: a race, and what each lever is worth

`{command}`, {machine}.

The {rows:,} training rows and {validation_rows:,} validation rows of run {run} of {dataset}. *Classic* is the recipe
of most tutorials as people write it: Keras, two LSTM layers of {units}, an embedding that starts at random, batches of
{classic_batch}, rows padded to {length} and masked, plain Adam at {rate}, `model.fit` on arrays. *Ours* is what
`make train` trains, in batches of {batch_size:,}, its n-grams' weights starting at what counting says of them; *without
vectors* it has an embedding that starts at random, so that nothing was made beforehand. All ran until {last:.1%} of the
validation rows were right, for {minutes:g} minutes at most, each in a process of its own. The clock starts before the
network is built, so that counting n-grams counts, and stands still while validation rows are scored; each is looked at
before its first step, and again after {least:g} s or {growth:.0%} of its time so far, whichever is longer.
"""
SHARE = """
The share of the peak counts what LSTMs need for real tokens, and the projection for the different ones of a batch,
forward and backward, against the best of ten float32 matrix products on all cores, measured in the same process after
the race. Tweets/s leave out the building of the graph.
"""
LEVERS = """
## Levers

Ours with one of them off or changed, on the first {rows:,} rows: {rounds} in turn, after a pass to
warm up. *Of ours* is the median of what each round found, in brackets the least and the most. A speed is not all:
larger batches are fewer steps, larger LSTMs and a trained embedding are other models, and a mask changes no score.
*Of the peak* is the share as above.
"""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the page says beside the measurements.

    Attributes:
        targets: shares of validation rows that are raced to, rising; the last one ends the race.
        minutes: its limit.
        vectors: "seconds" and "how", or None where the time of the word vectors is not known.
    """

    dataset: str
    run: str
    rows: int
    validation_rows: int
    targets: tuple[float, ...]
    minutes: float
    command: str
    vectors: dict | None


def page(facts: Facts, parts: dict[str, dict]) -> str:
    """The whole page.

    Args:
        facts: of the run.
        parts: those of `CONTESTANTS` from `race`, "levers" from `levers.every`.
    """
    contestants = {name: parts[name] for name in CONTESTANTS}
    told = dataclasses.asdict(facts) | variants.CLASSIC | {"batch_size": parts["ours"]["batch_size"]}
    head = HEAD.format(
        **told,
        last=facts.targets[-1],
        machine=machine.about(),
        classic_batch=variants.CLASSIC["batch_size"],
        rate=variants.CLASSIC["learning_rate"],
        length=variants.CLASSIC_LENGTH,
        least=race.LEAST_SECONDS,
        growth=race.GROWTH,
    )
    lines = pd.DataFrame([_contestant(name, one, facts) for name, one in contestants.items()])
    measured = parts["levers"]
    rounds = max(len(one["seconds"]) for one in measured["levers"])
    said = f"medians of {rounds} rounds" if rounds > 1 else "one round"
    levers = LEVERS.format(rows=measured["rows"], rounds=said)
    table = markdown.table(pd.DataFrame([_lever(one) for one in measured["levers"]]))
    words = "\n".join(verdict(contestants, facts))
    return f"{head}\n{markdown.table(lines)}\n\n{words}\n{SHARE}{levers}\n{table}\n"


def verdict(contestants: dict[str, dict], facts: Facts) -> list[str]:
    """The ratio of the times to each target, without and with the time of the word vectors, as lines of a list."""
    vectors = facts.vectors
    first = (
        f"- Word vectors: {vectors['seconds']:.0f} s, once for a data set and every size ({vectors['how']})."
        if vectors
        else "- Word vectors: their time is not known; `--vectors` measures it."
    )
    named = {"ours": "ours", WITHOUT_VECTORS: "ours without word vectors, with nothing made beforehand,"}
    return [
        first,
        *(_ratio(contestants, name, named[name], target, facts) for name in named for target in facts.targets),
    ]


def _ratio(contestants: dict[str, dict], name: str, who: str, target: float, facts: Facts) -> str:
    own, classic = contestants[name], contestants["classic"]
    seconds, slow, bound = race.time_to(own["series"], target), race.time_to(classic["series"], target), ""
    if seconds is None:
        return f"- {who.capitalize()} did not reach {target:.1%}: {missed(own, facts)}. No ratio."
    if slow is None:
        slow, bound = classic["series"][-1]["seconds"], "more than "
    line = f"- To {target:.1%} {who} was **{bound}{slow / seconds:.1f} times** as fast as classic"
    if facts.vectors and name == "ours":
        with_vectors = slow / (seconds + facts.vectors["seconds"])
        line += f"; with the time of the word vectors counted, {bound}{with_vectors:.2f} times"
    if own["series"][0]["accuracy"] >= target:
        line += ". It was there before the first step: what it had counted was enough"
    return f"{line}."


def missed(one: dict, facts: Facts) -> str:
    """What a contestant came to that did not reach a target."""
    best = max(look["accuracy"] for look in one["series"])
    seconds = one["series"][-1]["seconds"]
    within = f"{facts.minutes:g} minutes" if seconds >= 60 * facts.minutes else f"its schedule of {seconds:.0f} s"
    return f"not within {within}, at best {100 * best:.1f} %"


def _contestant(name: str, one: dict, facts: Facts) -> dict[str, str]:
    share = f"{one['flops'] / one['peak_flops']:.1%} of {one['peak_flops'] / 1e9:,.0f} GFLOP/s"
    if one["device"] != "CPU":
        share = f"not known of {one['device']}"
    return {
        "": name,
        **{f"to {target:.1%}": _reached(one, target, facts) for target in facts.targets},
        "tweets/s": f"{one['tweets_per_second']:,.0f}",
        "of the matrix-product peak": share,
        "peak memory": f"{one['memory_mb']:,.0f} MB",
    }


def _reached(one: dict, target: float, facts: Facts) -> str:
    look = race.reached(one["series"], target)
    if look is None:
        return missed(one, facts)
    return f"{look['seconds']:.1f} s, {look['rows']:,} rows ({look['rows'] / facts.rows:.2f} epochs)"


def _lever(one: dict) -> dict[str, str]:
    if one["error"] is not None:
        return {"lever": one["name"], "tweets/s": "–", "of ours": one["error"], "of the peak": "–"}
    ratio = f"{one['of_ours']:.2f} × [{one['low']:.2f}, {one['high']:.2f}]"
    speed = f"{one['tweets_per_second']:,.0f}"
    share = "–" if one["of_peak"] is None else f"{one['of_peak']:.0%}"
    return {"lever": one["name"], "tweets/s": speed, "of ours": ratio, "of the peak": share}

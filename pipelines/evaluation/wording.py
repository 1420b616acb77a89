"""Findings in words: sentences whose numbers and turns follow from the figures, for any data set."""

from __future__ import annotations

from pipelines.evaluation import baselines, forecast, metrics
from pipelines.evaluation.ceiling import WrongLabels
from pipelines.evaluation.curves import Diagnosis
from pipelines.evaluation.results import Differences

MOST_NAMED = 5  # kinds of text in a sentence


def diagnosis(found: Diagnosis) -> str:
    """A verdict with its reasons and next steps, as Markdown."""
    reasons = "\n".join(f"- {reason}" for reason in found.reasons)
    steps = "\n".join(f"- {step}" for step in found.next_steps)
    return f"**Verdict: {found.verdict}.**\n\n{reasons}\n\nWhat to try next:\n\n{steps}"


def difference(test: dict, *, other: str, split: str) -> str:
    """What McNemar's test says of this model and another one, from `metrics.mcnemar`."""
    low, high = (100 * edge for edge in test["difference_interval"])
    points = 100 * test["difference"]
    if test["p_value"] >= metrics.SIGNIFICANT:
        finding = f"no difference from {other} can be told"
    else:
        finding = f"this model is {'better' if points > 0 else 'worse'} than {other}"
    return (
        f"On {split} {finding}: {points:+.2f} points [{low:+.2f}, {high:+.2f}], McNemar's p {p_value(test['p_value'])} "
        f"({test['only_first_right']:,} rows only this model has right, {test['only_second_right']:,} only the other)."
    )


def left_out(runs: dict[str, Differences]) -> str:
    """Which runs were not compared, since they are not the same but for what is compared; "" where there are none.

    >>> left_out({"50000_seed-2": {"units": [128, 64]}})
    'Left out, trained otherwise: `50000_seed-2` (units 64, here 128). Trained again, it counts.'
    """
    listed = [
        f"`{run}` ({', '.join(f'{name} {_told(other)}, here {_told(own)}' for name, (own, other) in found.items())})"
        for run, found in runs.items()
    ]
    count = "it counts" if len(listed) == 1 else "they count"
    return f"Left out, trained otherwise: {'; '.join(listed)}. Trained again, {count}." if listed else ""


def _told(value: object) -> object:
    return "not recorded" if value is None else value


def percent(value: float, interval: list[float]) -> str:
    """A share with its interval, in per cent: "81.2 % [80.7, 81.8]"."""
    return forecast.Estimate(value, *interval).percent()


def p_value(p: float) -> str:
    """A p-value as it is usually printed.

    >>> p_value(0.0421), p_value(1e-9)
    ('= 0.042', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def forecast_check(law: forecast.PowerLaw | None, *, observed: dict[int, float], largest: int) -> str:
    """Forecasts against the runs that the law has not seen, those with more rows than `largest`.

    Args:
        observed: rows → validation accuracy of every finished run.
    """
    unseen = {rows: accuracy for rows, accuracy in sorted(observed.items()) if rows > largest}
    if law is None or not unseen:
        return "No run with more rows than the curve was fitted on is finished, so the forecast is unchecked."
    lines = []
    for rows, accuracy in unseen.items():
        expected = law.accuracy(rows)
        error = 100 * (accuracy - expected.value)
        lines.append(
            f"{rows:,} rows: forecast {expected.percent()}, found {100 * accuracy:.1f} % ({error:+.2f} points)"
        )
    return "Runs that the curve has not seen: " + "; ".join(lines) + "."


def outlook(law: forecast.PowerLaw | None, *, rows: dict[str, int]) -> str:
    """Forecast accuracies, a line each.

    Args:
        rows: what they stand for → training rows.
    """
    if law is None:
        return "No forecast."
    return "\n".join(f"{name}, {size:,} rows: {law.accuracy(size).percent()}" for name, size in rows.items())


def target(law: forecast.PowerLaw | None, *, accuracy: float, available: int, reached: int | None = None) -> str:
    """How many rows an accuracy would take, by the law.

    Args:
        accuracy: the target, a share.
        available: training rows there are.
        reached: rows of the smallest run that has it; None: none has.
    """
    if law is None:
        return "Without a forecast there is no telling how many rows a target would take."
    needed = law.rows_needed(accuracy)
    if needed is None:
        ceiling = 100 * (1 - law.a[0])
        return f"By this curve no number of rows reaches {100 * accuracy:.0f} %: it levels off at {ceiling:.1f} %."
    high = f"{needed.high:,.0f}" if needed.high < 1e12 else "without bound"
    enough = "there are enough" if needed.value <= available else f"there are only {available:,}"
    if reached is not None:
        enough = f"a run of {reached:,} has reached it"
    return f"{100 * accuracy:.0f} % takes about {needed.value:,.0f} rows [{needed.low:,.0f}, {high}]; {enough}."


def worst_slices(table, *, overall: float, least_rows: int = 100) -> str:
    """Which kinds of text are surely harder than the rest, from `slices.tested`."""
    worse = table[table["worse"]].sort_values("accuracy")
    if worse.empty:
        return f"No kind of text with {least_rows} rows or more is surely below the {100 * overall:.1f} % of all rows."
    names = ", ".join(
        f"{line.slice} ({100 * line.accuracy:.1f} % [{100 * line.low:.1f}, {100 * line.high:.1f}])"
        for line in worse.head(MOST_NAMED).itertuples()
    )
    which = f", the hardest {MOST_NAMED} of {len(worse)}" if len(worse) > MOST_NAMED else ""
    return f"Surely below the {100 * overall:.1f} % of all rows{which}: {names}."


def ceiling(accuracy: float, wrong: dict[str, WrongLabels]) -> str:
    """How far the model is from what its labels allow, and how unsure that is."""
    if not wrong:
        return "Nothing here tells how many labels are wrong by themselves."
    best = {name: 1 - found.value for name, found in wrong.items() if found.value > 0}
    none = ", ".join(name for name in wrong if name not in best)
    unbound = f"A share of 0 or below ({none}) is luck, or its rows are the harder ones: it bounds nothing."
    if not best:
        return unbound
    lowest, highest = 100 * min(best.values()), 100 * max(best.values())
    listed = ", ".join(
        f"{percent(bound, (1 - wrong[name].high, 1 - wrong[name].low))} ({name}, {wrong[name].rows:,} rows)"
        for name, bound in best.items()
    )
    told = [f"With labels that are wrong that often the best possible accuracy is {listed}."]
    told += [unbound] if none else []
    told.append(f"This model, {100 * accuracy:.1f} %, is {_below(lowest - 100 * accuracy, highest - 100 * accuracy)}.")
    if len(best) == 1:
        return " ".join([*told, "One estimate alone cannot say how sure that is."])
    apart = max(found.low for found in wrong.values()) > min(found.high for found in wrong.values())
    sure = "further than their intervals say: that is how unsure it is" if apart else "and their intervals overlap"
    return " ".join([*told, f"The estimates lie {highest - lowest:.0f} points apart, {sure}."])


def _below(nearest: float, farthest: float) -> str:
    """Where a model stands under bounds that lie so many points above it; negative: below it."""
    if farthest < 0:
        return "above that already: as an estimate of what is possible it is too low"
    if nearest < 0:
        return f"up to {farthest:.0f} points below"
    points = f"{nearest:.0f}", f"{farthest:.0f}"
    return f"{' to '.join(dict.fromkeys(points))} points below"


def summary(result: dict) -> str:
    """The result of a run in a few lines of Markdown, from metrics.json's content."""
    tfidf = result["baselines"][baselines.TFIDF]
    lines = [f"**{result['dataset']}, {result['rows_train']:,} training rows, model {result['model_version']}**", ""]
    for split, figures in result["splits"].items():
        found = percent(figures["accuracy"], figures["accuracy_interval"])
        other = percent(tfidf[split]["accuracy"], tfidf[split]["accuracy_interval"])
        lines.append(f"- {split} ({figures['rows']:,} rows): {found}; TF-IDF {other}")
    minutes = sum(result["seconds"].values()) / 60
    return "\n".join([*lines, f"- its stages took {minutes:.1f} minutes together, what was there before not counted"])

"""A model's figures on a file, for the eye and under flat names."""

from __future__ import annotations

import pandas as pd

from pipelines.evaluation import metrics, report, slices

MEANINGS = ("negative", "positive", "neutral")  # by the numbers of `cleaning`
SHOWN = (*metrics.NAMES, "calibration_error")


def text(result: dict) -> str:
    """The content of `evaluate_on.evaluate` as lines for the terminal."""
    parts = [_rows(result), _figures(result["figures"])]
    if training := result["training"]:
        parts.append(_training(training, result))
    parts += [_confusion(result["figures"]["confusion"]), _slices(result)]
    return "\n\n".join(parts)


def _rows(result: dict) -> str:
    file, columns = result["file"], result["columns"]
    scored, left = result["figures"]["rows"], result["left_out"]
    lines = [f"{file['name']}: {file['rows']:,} rows, {scored:,} scored by {result['model']['model_version']}"]
    lines += [f"  {number:,} set aside: {reason}" for reason, number in left.items()]
    read = ", ".join(f"{one['value']!r} → {one['means']} ({one['rows']:,} rows)" for one in result["labels"])
    lines.append(f"  text = {columns['text']!r}, label = {columns['label']!r}: {read}")
    if columns["date"]:
        lines.append(
            f"  date = {columns['date']!r}: {result['rows_with_hour']:,} of the scored rows have an hour of day"
            + ("" if result["rows_with_hour"] else " (2009-04-06 22:19:45 would be read, and what Twitter writes)")
        )
    if result["repeats"]:
        lines.append(
            f"  {result['repeats']:,} of the scored rows repeat the text of another: all count, and of the intervals "
            "those of the figures draw them together"
        )
    if both := result["rows_of_both_labels"]:
        lines.append(
            f"  {both:,} of the scored rows hold a text that is labelled both ways: nobody can be right on all"
        )
    if left.get("not valid UTF-8"):
        lines.append(f"  rows that are not UTF-8 count again after: iconv -f WINDOWS-1252 -t UTF-8 {file['name']}")
    return "\n".join(lines)


def _figures(found: dict) -> str:
    lines = [f"  {'':<18} {'value':>8}  {'95 % interval':<16} {'rows':>10}"]
    for name in SHOWN:
        shown = report.NICE_NAMES[name]
        if found[name] is None:
            lines.append(f"  {shown:<18} {'–':>8}  undefined: {found['auc_reason']}")
            continue
        value, low, high = (_number(name, value) for value in (found[name], *found[f"{name}_interval"]))
        value += " %" if name in report.PERCENT else ""
        lines.append(f"  {shown:<18} {value:>8}  {f'[{low}, {high}]':<16} {found['rows']:>10,}")
    always = f"always the commoner class: {100 * found['majority_accuracy']:.1f} % right"
    return "\n".join([*lines, f"  ({always})"])


def _number(name: str, value: float) -> str:
    return f"{100 * value:.1f}" if name in report.PERCENT else f"{value:.3f}"


def _training(training: dict, result: dict) -> str:
    dataset, rows = result["model"]["dataset"], result["figures"]["rows"]
    if not training["rows"]:
        return f"None of the texts stands in the training split of {dataset}."
    learned, first = training["learned"], result["model"]["rows_train"]
    lines = [
        f"warning: {training['rows']:,} of the {rows:,} rows hold a text of the training split of {dataset},",
        f"{learned:,} of them one of the {first:,} that the model learned from; such rows flatter it.",
    ]
    if training["figures_without"] is None:
        return "\n".join([*lines, "No other row is left: these figures say nothing of new texts."])
    return "\n".join([*lines, "Without them:", _figures(training["figures_without"])])


def _confusion(matrix: list[list[int]]) -> str:
    lines = [f"  {'':<18} {'said negative':>14} {'said positive':>14}"]
    for name, line in zip(MEANINGS, matrix, strict=False):
        lines.append(f"  {f'is {name}':<18} {line[0]:>14,} {line[1]:>14,}")
    return "\n".join(lines)


def _slices(result: dict) -> str:
    worst = slices.hardest(pd.DataFrame(result["slices"]), rows=result["figures"]["rows"])
    if worst.empty:
        return f"No kind of text has {slices.LEAST_ROWS} rows, so none is judged by itself."
    width = max(22, *worst["slice"].str.len())
    lines = [f"  {'hardest kinds':<{width}} {'accuracy':>8}  {'95 % interval':<16} {'rows':>6}  {'positive':>8}"]
    for one in worst.to_dict("records"):
        interval = f"[{100 * one['low']:.1f}, {100 * one['high']:.1f}]"
        shares = (f"{100 * one[name]:.1f} %" for name in ("accuracy", "positive"))
        lines.append(
            f"  {one['slice']:<{width}} {next(shares):>8}  {interval:<16} {one['rows']:>6,}  {next(shares):>8}"
        )
    return "\n".join(lines)


def flat(result: dict) -> dict[str, float | None]:
    """The figures under flat names, as MLflow wants them; `without_training_…` are those without the overlap."""
    training = result["training"] or {}
    named = {"": result["figures"], "without_training_": training.get("figures_without") or {}}
    found: dict[str, float | None] = {"rows": result["file"]["rows"], "rows_scored": result["figures"]["rows"]}
    found |= {f"rows_left_out_{_name(reason)}": number for reason, number in result["left_out"].items()}
    if training:
        found |= {"rows_in_training_split": training["rows"], "rows_learned_from": training["learned"]}
    for prefix, figures in named.items():
        for metric in (name for name in SHOWN if name in figures):
            low, high = figures[f"{metric}_interval"] or (None, None)
            found |= {prefix + metric: figures[metric]}
            found |= {f"{prefix}{metric}_low": low, f"{prefix}{metric}_high": high}
    return found


def _name(reason: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in reason)[:60]

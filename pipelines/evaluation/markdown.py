"""Figures as Markdown, those included that nobody has foreseen."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pipelines.evaluation import metrics, report, wording

LONGEST = 10  # entries of a list that are shown
SAID = {
    "only_first_right": "rows that only the model has right",
    "only_second_right": "rows that only the other has right",
    "difference": "difference in accuracy",
    "p_value": "McNemar's p",
    "tfidf_agrees": "TF-IDF agrees",
    "tfidf_agrees_where_right": "TF-IDF agrees where the model is right as surely",
}


def table(frame: pd.DataFrame) -> str:
    """A table without its index; numbers right-aligned."""
    names = [str(name) for name in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    lines = [names, ["---:" if number else "---" for number in numeric]]
    lines += [[_cell(value) for value in line] for line in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|").replace("\n", " ")


def anything(value: object, name: str) -> str:
    """Whatever an unknown entry of metrics.json holds: evaluated splits as a table, lists of figures as one, others
    one by one; what is empty is left out.

    Args:
        value: JSON.
        name: its key.
    """
    splits = dict(_evaluated(value, ()))
    parts = [table(evaluated({" / ".join(path) or name: {"": one} for path, one in splits.items()}))] if splits else []
    figures = list(_figures(value, ()))
    parts += [_lines(path, shown) for path, shown in figures if _is_table(shown)]
    lines = [f"- {_said(path) or name}: {shown}" for path, shown in figures if shown and not _is_table(shown)]
    return "\n\n".join([*parts, *(["\n".join(lines)] if lines else [])])


def _said(path: tuple[str, ...]) -> str:
    """Where a figure stands, in a reader's words."""
    return " / ".join(SAID.get(name, name.replace("_", " ")) for name in path)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _lines(path: tuple[str, ...], lines: list[dict]) -> str:
    shown = pd.DataFrame([{_said((name,)): _number(value) for name, value in line.items()} for line in lines[:LONGEST]])
    more = f"\n\nand {len(lines) - LONGEST} more." if len(lines) > LONGEST else ""
    title = f"{_said(path)}:\n\n" if path else ""
    return f"{title}{table(shown.fillna('–'))}{more}"


def evaluated(splits: dict[str, dict[str, dict]]) -> pd.DataFrame:
    """Figures of `metrics.evaluate` with their intervals, a line for each split and model.

    Args:
        splits: split → model → figures; a split that a model has not scored is left out, and so is a missing metric.
    """
    lines = []
    for split, models in splits.items():
        for model, figures in models.items():
            line = {"rows of": split, "model": model, "rows": int(figures.get("rows", 0))}
            for metric in metrics.NAMES:
                low, high = figures.get(f"{metric}_interval") or (None, None)
                shown = report.cell(figures.get(metric), low, high, percent=metric in report.PERCENT)
                line[report.NICE_NAMES[metric]] = shown
            lines.append(line)
    frame = pd.DataFrame(lines)
    return frame.drop(columns=[name for name in ("model",) if (frame[name] == "").all()])


def _evaluated(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict]]:
    if isinstance(value, dict):
        if {"rows", "accuracy"} <= set(value):
            yield path, value
        else:
            for name, one in value.items():
                yield from _evaluated(one, (*path, str(name)))


def _figures(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str | list[dict]]]:
    """Each figure that is no part of an evaluated split, as it is shown, and each list of several; an interval stands
    beside its value."""
    if isinstance(value, dict) and {"value", "low", "high", "rows"} == set(value):  # a `ceiling.WrongLabels`
        interval = _number([value["low"], value["high"]])
        yield path, f"{_number(value['value'])} {interval}, of {_number(value['rows'])} rows"
    elif isinstance(value, dict) and not {"rows", "accuracy"} <= set(value):
        for name, one in value.items():
            if not (str(name).endswith("_interval") and str(name).removesuffix("_interval") in value):
                shown = _number(value[f"{name}_interval"]) if f"{name}_interval" in value else ""
                for inner, found in _figures(one, (*path, str(name))):
                    yield inner, found if _is_table(found) else f"{found} {shown}".rstrip()
    elif not isinstance(value, dict):
        if path[-1:] == ("p_value",):
            yield path, wording.p_value(value).removeprefix("= ")
        else:
            yield path, value if _is_table(value) else _number(value)


def _number(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_number, value[:LONGEST]))}{', …' if len(value) > LONGEST else ''}]"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else "–" if value is None else str(value)

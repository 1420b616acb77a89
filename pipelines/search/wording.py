"""The findings of a search in words, and as the content of sweep.json."""

from __future__ import annotations

import pandas as pd

from pipelines import parameters
from pipelines.search.study import USUAL, Sweep

SEED_MATTERS = "All trials have one seed; the interval is that of the validation rows, and another seed moves it too."


def command(found: pd.DataFrame, sweep: Sweep) -> str:
    """The command that trains and evaluates with the best parameters: those that are not as usual, and the user's."""
    best = found.head(1).to_dict("records")[0]
    searched = {name: best[name] for name in sweep.space if best[name] != sweep.usual[name]}
    named = parameters.joined(sweep.fixed | searched)
    size, dataset = sweep.run.name.split("_")[0], sweep.run.dataset.name
    where = "" if dataset == "sentiment140" else f" DATASET={dataset}"
    return f"make train SIZE={size}{where}" + (f' PARAMS="{named}"' if named else "")


def verdict(compared: dict | None) -> str:
    """One sentence: can the best and the usual parameters be told apart?"""
    if compared is None:
        return "The usual parameters have no finished trial with its predictions here: nothing to compare with."
    if compared["best"] == compared["usual"]:
        return f"No trial of {compared['looks'] + 1} complete ones is better than the usual parameters: keep them."
    low, high = compared["difference_interval"]
    gained = f"{100 * compared['difference']:+.2f} points [{100 * low:+.2f}, {100 * high:+.2f}]"
    chance = f"p = {compared['p_corrected']:.2g}, corrected for {compared['looks']} trials to choose from"
    said = f"The best, trial {compared['best']}, is {gained} from the usual parameters on {compared['rows']:,} rows"
    if compared["told_apart"]:
        return f"{said}: they can be told apart ({chance}). {SEED_MATTERS}"
    return f"{said}: they cannot be told apart ({chance}); nothing speaks against the usual ones. {SEED_MATTERS}"


def mattered(shares: pd.DataFrame | None, *, complete: int) -> str:
    """One sentence on the importances, with their spread."""
    if shares is None:
        return f"{complete} complete trials say nothing about which parameter mattered; ask for more."
    first = shares.iloc[0]
    share = f"{first['share']:.0%} [{first['low']:.0%}, {first['high']:.0%}]"
    said = f"{first['parameter']} explains the largest part of the spread of {complete} complete trials, {share}"
    if len(shares) == 1:
        return f"{first['parameter']} is the only one that was searched: shares say nothing here."
    others = shares[1:]
    if first["low"] <= others["high"].max():
        return f"{said}; its interval meets that of others: more trials are needed to say which mattered most."
    return f"{said}, clear of the others."


def record(found: pd.DataFrame, sweep: Sweep, *, compared: dict | None, shares: pd.DataFrame | None) -> dict:
    """The content of sweep.json."""
    complete = found[found["state"] == "complete"]
    return {
        "study": sweep.name,
        "dataset": sweep.run.dataset.name,
        "run": sweep.run.name,
        "searched": list(sweep.space),
        "fixed": sweep.fixed,
        "usual": {name: sweep.usual[name] for name in sweep.space},
        "trials": {"complete": len(complete), "pruned": len(found) - len(complete)},
        "best": found.head(1)[["trial", *sweep.space, "accuracy"]].to_dict("records")[0],
        "usual_accuracy": next(iter(complete.loc[complete[USUAL], "accuracy"].tolist()), None),
        "comparison": compared,
        "importances": None if shares is None else shares.to_dict("records"),
        "verdict": verdict(compared),
        "mattered": mattered(shares, complete=len(complete)),
        "command": command(found, sweep),
    }


def figures_of(record: dict) -> dict[str, float | None]:
    """The figures under flat names, as MLflow wants them."""
    found = {f"sweep.{state}": float(count) for state, count in record["trials"].items()}
    found |= {"sweep.best_accuracy": record["best"]["accuracy"], "sweep.usual_accuracy": record["usual_accuracy"]}
    found |= {f"sweep.importance.{one['parameter']}": one["share"] for one in record["importances"] or []}
    return found

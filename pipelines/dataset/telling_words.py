"""Which words tell two classes apart: log-odds with an informative Dirichlet prior.

Monroe, Colaresi and Quinn (2008), "Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the Content
of Political Conflict", Political Analysis 16(4), equations 16, 20 and 22.
"""

from __future__ import annotations

from collections import Counter
from statistics import NormalDist

import numpy as np
import pandas as pd

PRIOR_TOKENS = 10_000
LEVEL = 0.05  # of all words together


def log_odds(
    negative: Counter[str], positive: Counter[str], *, prior_tokens: float = PRIOR_TOKENS, minimum_count: int = 10
) -> pd.DataFrame:
    """Compare how often two classes use each word.

    The prior is the usage of both classes together, worth `prior_tokens` words: it pulls words that are rare towards
    no difference. z is the log-odds ratio in standard errors, so that rare and frequent words compare.

    Args:
        negative, positive: word → how often it occurs.
        prior_tokens: weight of the prior, in words.
        minimum_count: words that occur less often in both together are left out of the result.

    Returns:
        Columns word, negative, positive (counts), log_odds (above 0: more in positive), z; smallest z first.

    Raises:
        ValueError: a class without a word.
    """
    words = sorted(word for word, count in (negative + positive).items() if count >= minimum_count)
    first, second = (np.array([counts[word] for word in words], float) for counts in (negative, positive))
    totals = float(negative.total()), float(positive.total())
    if not min(totals):
        raise ValueError(
            f"words to compare: {totals[0]:.0f} negative, {totals[1]:.0f} positive; both classes are needed"
        )
    prior = prior_tokens * (first + second) / sum(totals)

    def log_of_odds(counts: np.ndarray, total: float) -> np.ndarray:
        return np.log((counts + prior) / (total + prior_tokens - counts - prior))

    difference = log_of_odds(second, totals[1]) - log_of_odds(first, totals[0])
    standard_error = np.sqrt(1 / (first + prior) + 1 / (second + prior))
    columns = {"word": words, "negative": first.astype(int), "positive": second.astype(int), "log_odds": difference}
    table = pd.DataFrame({**columns, "z": difference / standard_error})
    return table.sort_values("z", kind="stable", ignore_index=True)


def chance(words: int) -> float:
    """|z| that one of so many words without any difference exceeds in one case of twenty (Bonferroni).

    >>> round(chance(1), 2), round(chance(10_000), 2)
    (1.96, 4.56)
    """
    return NormalDist().inv_cdf(1 - LEVEL / 2 / max(words, 1))


def most_telling(table: pd.DataFrame, number: int) -> dict[str, pd.DataFrame]:
    """The up to `number` words of each class that differ most beyond chance: {"negative": rows, "positive": rows}."""
    bar = chance(len(table))
    negative, positive = table[table["z"] < -bar], table[table["z"] > bar]
    return {"negative": negative.head(number), "positive": positive.tail(number).iloc[::-1]}

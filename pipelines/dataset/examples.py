"""Texts to look at; names of users and addresses, which lead to persons, are masked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts
from pipelines.dataset import text, tokens

CLASSES = ("negative", "positive")
WORD = r"[\pL\pM\pN_]"
# Whatever is glued to the left of an @ may be the first half of an e-mail address.
AT = r"(?:[@＠]|&#0*64;|&#[xX]0*40;)"
NAMES = rf"{WORD}(?:{WORD}|[.%+-])*{AT}(?:{WORD}|-)+(?:\.(?:{WORD}|-)+)*|{AT}{WORD}+"


def mask_names(texts: pa.Array) -> list[str]:
    """Texts with the names of users, and whole e-mail addresses, replaced by @user, and web addresses by <url>."""
    without = pc.replace_substring_regex(texts, pattern=text.WEB_ADDRESS, replacement="<url>")
    return pc.replace_substring_regex(without, pattern=NAMES, replacement="@user").to_pylist()


def shape(lines: pa.Array) -> list[str]:
    """Lines without what they say: each word becomes x and each number 0, signs stay.

    In a line that does not parse nobody knows which field holds the name of a user; quotes and separators tell why.

    >>> shape(pa.array(['"0","1467","NO_QUERY","anna_99","hi @bob!"']))
    ['"0","0","x","x","x @x!"']
    """
    words = pc.replace_substring_regex(lines, pattern=rf"{WORD}*[\pL\pM_]{WORD}*", replacement="x")
    return pc.replace_substring_regex(words, pattern=r"\pN+", replacement="0").to_pylist()


def by_feature(path: Path, features: dict[str, str], *, rows: int = tokens.BATCH_ROWS) -> pd.DataFrame:
    """A text of each class for each feature, from the first rows of a split; "–" where there is none.

    Args:
        path: a split.
        features: name → RE2 pattern.
        rows: how many rows to look at.
    """
    batch = next(tokens.batches(path, columns=["text", "label"], size=rows))
    found = {}
    for name, pattern in features.items():
        holding = batch.filter(pc.match_substring_regex(batch["text"], pattern))
        firsts = [holding.filter(pc.equal(holding["label"], label))["text"].slice(0, 1) for label in (0, 1)]
        found[name] = [(mask_names(first) or ["–"])[0] for first in firsts]
    return pd.DataFrame(found, index=list(CLASSES)).T


def beyond_latin(dataset: artifacts.Dataset, number: int = 6) -> list[str]:
    """The first training texts that hold signs beyond latin-1, which a repaired encoding brings back."""
    batch = next(tokens.batches(dataset.split("train"), columns=["text"]))
    foreign = batch.filter(pc.match_substring_regex(batch["text"], r"[^\x{0}-\x{ff}\x{fffd}]"))
    return mask_names(foreign["text"].slice(0, number))

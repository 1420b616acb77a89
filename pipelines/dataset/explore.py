"""What is in a training split: counted in one pass, some thousands of rows at a time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines.dataset import tokens
from pipelines.dataset.examples import CLASSES
from pipelines.dataset.survey import BAR
from pipelines.dataset.text import HASHTAG, MENTION, WEB_ADDRESS

OPTIONAL = ("id", "date", "user")
LONGEST = 5_000  # characters, and words: what is longer is counted there
# What a text may hold besides plain words: name → RE2 pattern.
FEATURES = {
    "mention of a user": MENTION,
    "web address": WEB_ADDRESS,
    "hashtag": HASHTAG,
    "HTML entity": r"&(?:[a-z]+|#[0-9]+);",
    "exclamation mark": r"!",
    "question mark": r"\?",
    "word in capitals": r"\b[A-Z]{3,}\b",
    "letter drawn out": r"(?i)a{3}|e{3}|h{3}|i{3}|l{3}|m{3}|o{3}|r{3}|s{3}|u{3}|y{3}",
    "smiling emoticon": r"(?:^|\s)[:;=]['-]?[)D\]]",
    "frowning emoticon": r"(?:^|\s)[:;=]['-]?[(\[]",
    "beyond ASCII": r"[^\x00-\x7f]",
}


@dataclass
class Profile:
    """Counts over the rows of a split; index 0 is negative, 1 positive.

    Attributes:
        rows: int64 [2].
        known: column → rows in which it is not missing.
        days: for each class, day as ISO text → rows.
        characters, words: int64 [2, LONGEST + 1], rows by length.
        users: name → rows.
        features: name of `FEATURES` → int64 [2], rows that hold it.
        tokens: for each class, token → occurrences, as the model will see them.
    """

    rows: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))
    known: Counter[str] = field(default_factory=Counter)
    days: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    characters: np.ndarray = field(default_factory=lambda: np.zeros((2, LONGEST + 1), np.int64))
    words: np.ndarray = field(default_factory=lambda: np.zeros((2, LONGEST + 1), np.int64))
    users: Counter[str] = field(default_factory=Counter)
    features: dict[str, np.ndarray] = field(default_factory=lambda: {name: np.zeros(2, np.int64) for name in FEATURES})
    tokens: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch of a split, the classes side by side."""
        for column in OPTIONAL:
            self.known[column] += batch.num_rows - batch[column].null_count
        self.users.update(_value_counts(batch["user"].drop_null()))
        # pyarrow lets other threads run while it works, and each class has counters of its own.
        by_class = [batch.filter(pc.equal(batch["label"], label)) for label in (0, 1)]
        with ThreadPoolExecutor(len(by_class)) as threads:
            list(threads.map(self._add_class, by_class, (0, 1)))

    def _add_class(self, rows: pa.RecordBatch, label: int) -> None:
        texts = rows["text"]
        self.rows[label] += len(texts)
        self.days[label].update(_value_counts(pc.strftime(rows["date"].drop_null(), format="%Y-%m-%d")))
        self.characters[label] += _histogram(pc.utf8_length(texts))
        self.words[label] += _histogram(pc.count_substring_regex(texts, r"\S+"))
        for name, pattern in FEATURES.items():
            self.features[name][label] += pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0
        self.tokens[label].update(_value_counts(pc.list_flatten(tokens.split_tokens(texts))))
        self.tokens[label].pop("", None)


def _value_counts(values: pa.Array) -> dict[str, int]:
    found = pc.value_counts(values)
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))


def _histogram(lengths: pa.Array) -> np.ndarray:
    return np.bincount(np.minimum(lengths.to_numpy(), LONGEST), minlength=LONGEST + 1)


def rows_to_read(path: Path, size: int | str | None) -> int:
    """How many rows `size` means: a number, or "all" (as does None).

    Raises:
        ValueError: more than there are, or fewer than one.
    """
    from pyarrow.parquet import read_metadata

    there = read_metadata(path).num_rows
    if size in (None, "all"):
        return there
    if not 1 <= int(size) <= there:
        raise ValueError(f"size {size}: {path.name} has {there:,} rows; ask for 1 to that, or 'all'")
    return int(size)


def profile(path: Path, *, size: int) -> Profile:
    """Count the first `size` rows of a split."""
    counted = Profile()
    columns = [*OPTIONAL, "text", "label"]
    with tqdm(total=size, desc=f"exploring {path.stem}", **BAR) as progress:
        for batch in tokens.batches(path, columns=columns, size=size):
            counted.add(batch)
            progress.update(batch.num_rows)
    return counted


def quantiles(histogram: np.ndarray, shares: tuple[float, ...] = (0.05, 0.5, 0.95, 1.0)) -> list[int]:
    """Lengths at which a histogram (int64 [lengths], rows by length) reaches the given shares of its rows."""
    reached = np.cumsum(histogram)
    return [int(np.searchsorted(reached, share * reached[-1])) for share in shares]


def balance_by_day(days: tuple[Counter[str], Counter[str]]) -> pd.DataFrame:
    """Rows of each class by day, without gaps: index day, columns negative, positive; empty when no date is known."""
    if not any(days):
        return pd.DataFrame(columns=list(CLASSES), index=pd.DatetimeIndex([], name="day"), dtype=int)
    table = pd.DataFrame(dict(zip(CLASSES, map(pd.Series, days), strict=True))).fillna(0).astype(int)
    table.index = pd.DatetimeIndex(table.index, name="day")
    return table.sort_index().asfreq("D", fill_value=0)


def one_class_days(by_day: pd.DataFrame) -> pd.DataFrame:
    """Days on which rows of one class only are known."""
    return by_day[(by_day.min(axis=1) == 0) & (by_day.max(axis=1) > 0)]


def feature_shares(counted: Profile) -> pd.DataFrame:
    """Rows of each class that hold a feature, in percent: index feature, columns negative, positive, all."""
    table = pd.DataFrame(counted.features, index=list(CLASSES)).T
    shares = 100 * table / np.maximum(counted.rows, 1)
    return shares.assign(all=100 * table.sum(axis=1) / max(counted.rows.sum(), 1)).sort_values("all", ascending=False)


def rows_per_user(users: Counter[str]) -> pd.Series:
    """How many users have written n texts: index texts, values users."""
    return pd.Series(Counter(users.values()), dtype=int).sort_index().rename_axis("texts").rename("users")


def summary(counted: Profile, *, telling: dict[str, pd.DataFrame], manifest: dict) -> dict:
    """What eda.json holds: everything the notebook shows, as plain numbers; no names of users."""
    by_day = balance_by_day(counted.days)
    texts_by_user = rows_per_user(counted.users)
    return {
        "dataset": manifest["dataset"],
        "rows": int(counted.rows.sum()),
        "class_balance": counted.rows.tolist(),
        "known": dict(counted.known),
        "days": [[day.date().isoformat(), int(row.negative), int(row.positive)] for day, row in by_day.iterrows()],
        "one_class_days": [day.date().isoformat() for day in one_class_days(by_day).index],
        "length_quantiles": {
            unit: {name: quantiles(histogram[label]) for label, name in enumerate(CLASSES)}
            for unit, histogram in (("characters", counted.characters), ("words", counted.words))
        },
        "users": {"number": len(counted.users), "most_texts": int(max(texts_by_user.index, default=0))},
        "feature_percent": feature_shares(counted).round(3).to_dict("index"),
        "telling_words": {name: table.round(4).to_dict("records") for name, table in telling.items()},
        "preparation": manifest["counts"],
    }

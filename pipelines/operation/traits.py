"""What can be compared of a set of texts: words, length, marks, the model's own view, and labels where there are any.

Everything is worked out once for each row; a comparison, or hundreds of them, then only picks rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts, calibrator
from pipelines.dataset import examples, tokens
from pipelines.dataset.text import HASHTAG, MENTION, WEB_ADDRESS
from pipelines.dataset.vocabulary import read_vocabulary

NO_LABEL = -1
# What a raw text may hold: name → RE2 pattern. Debris is UTF-8 that was read as latin-1 or Windows-1252 ("Ã©", "â€™"),
# control characters that such reading leaves, and the sign for lost bytes.
MARKS = {
    "mentions": MENTION,
    "web addresses": WEB_ADDRESS,
    "hashtags": HASHTAG,
    "encoding debris": r"[\x{80}-\x{9f}\x{fffd}]|[\x{c2}-\x{f4}][\x{80}-\x{bf}]|\x{e2}€|\x{f0}Ÿ",
}


@dataclass(frozen=True)
class Traits:
    """Rows ready to be compared. A log of scores has probabilities only; the other attributes are then None.

    Attributes:
        probabilities: float32 [rows], P(positive), calibrated.
        labels: int8 [rows], 0 negative, 1 positive, -1 unknown.
        words: list<string> [rows], tokens as the model sees them; user names are masked in them.
        unknown: int64 [rows], tokens that the vocabulary does not hold.
        marks: name of `MARKS` → bool [rows].
        vectors: float32 [rows, width], see `pipelines.model.sentences`.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    words: pa.Array | None = None
    unknown: np.ndarray | None = None
    marks: dict[str, np.ndarray] | None = None
    vectors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def lengths(self) -> np.ndarray:
        """int64 [rows], tokens in each row."""
        return pc.list_value_length(self.words).to_numpy(zero_copy_only=False).astype(np.int64)

    @property
    def labelled(self) -> np.ndarray:
        """bool [rows]."""
        return self.labels != NO_LABEL

    def take(self, rows: np.ndarray) -> Traits:
        """Some rows, by number, in that order."""
        picked = replace(self, probabilities=self.probabilities[rows], labels=self.labels[rows])
        if self.words is None:
            return picked
        return replace(
            picked,
            words=self.words.take(pa.array(rows)),
            unknown=self.unknown[rows],
            marks={name: mask[rows] for name, mask in self.marks.items()},
            vectors=self.vectors[rows],
        )

    def sample(self, rows: int, *, seed: int) -> Traits:
        """At most `rows` rows, drawn without repeats."""
        return self.take(np.random.default_rng(seed).permutation(len(self))[:rows])

    def without_labels(self) -> Traits:
        """The same rows as if nobody had labelled them."""
        return replace(self, labels=np.full(len(self), NO_LABEL, np.int8))


def together(first: Traits, second: Traits) -> Traits:
    """The rows of both, one after the other."""
    return Traits(
        np.concatenate([first.probabilities, second.probabilities]),
        np.concatenate([first.labels, second.labels]),
        pa.concat_arrays([first.words, second.words]),
        np.concatenate([first.unknown, second.unknown]),
        {name: np.concatenate([mask, second.marks[name]]) for name, mask in first.marks.items()},
        np.concatenate([first.vectors, second.vectors]),
    )


def of_texts(run: artifacts.Run, texts: pa.Array, labels: np.ndarray) -> Traits:
    """The traits of texts, by the model of an evaluated run.

    Args:
        run: the run; its export says how its probabilities are calibrated.
        texts: string [rows], raw: as the service would be sent them.
        labels: int8 [rows], -1 where unknown.
    """
    from pipelines.model import sentences

    vectors, probabilities = sentences.read(run, texts)
    # The rules of the model know names in ASCII, as Twitter has them; words that are told must hold no other either.
    words = tokens.split_tokens(pa.array(examples.mask_names(texts), pa.string()))
    return Traits(
        calibrator.apply(probabilities, calibrator.of_run(run)),
        np.asarray(labels, np.int8),
        words,
        _count_unknown(words, read_vocabulary(run.vocabulary)),
        {name: _holds(texts, pattern) for name, pattern in MARKS.items()},
        vectors,
    )


def of_scores(probabilities: np.ndarray) -> Traits:
    """What is left to compare where nothing but scores was kept."""
    return Traits(np.asarray(probabilities, np.float32), np.full(len(probabilities), NO_LABEL, np.int8))


def _holds(texts: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)


def _count_unknown(words: pa.Array, vocabulary: list[str]) -> np.ndarray:
    known = pc.is_in(pc.list_flatten(words), value_set=pa.array(["", *vocabulary[2:]]))
    missed = np.concatenate([[0], np.cumsum(~known.to_numpy(zero_copy_only=False))])
    ends = np.cumsum(pc.list_value_length(words).to_numpy(zero_copy_only=False))
    return np.diff(missed[np.concatenate([[0], ends])])

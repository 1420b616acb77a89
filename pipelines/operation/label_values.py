"""What the values of a label column mean: negative, positive, or neither of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import cleaning, examples, own_texts
from pipelines.dataset.cleaning import NEGATIVE, NEUTRAL, POSITIVE
from pipelines.dataset.own_labels import NEUTRAL_WORDS
from pipelines.dataset.provenance import OFFICIAL_NEUTRAL, SourceError
from pipelines.operation import table_file

NAMES = {"negative": NEGATIVE, "positive": POSITIVE, "neutral": NEUTRAL}
WORDS = dict.fromkeys(NEUTRAL_WORDS, NEUTRAL)
MOST_VALUES = 1_000  # of a label; a column with more is something else
NEUTRAL_NUMBERS = {("0", "4"): OFFICIAL_NEUTRAL, ("-1", "1"): "0"}


def check_type(kind: pa.DataType, *, column: str, where: str) -> None:
    """Raise a `SourceError` where a column's type can hold no labels that one could read."""
    if not table_file.reads_as_text(kind):
        raise SourceError(f"column {column!r} of {where} is {kind}, no label: say LABEL=column")


def meanings(
    counts: Counter[str], *, said: Mapping[str, str], known: Mapping[str, int], column: str, certain: bool = False
) -> dict[str, int]:
    """What each value of a column means: `NEGATIVE`, `POSITIVE` or `NEUTRAL` of `cleaning`.

    Args:
        counts: value, spelt as `cleaning.label_text` does, → its rows.
        said: "negative", "positive", "neutral" → the values that a user names, between commas; "": not said.
        known: value → meaning in the file's own layout, or in the data set that the model learned from. Where it has
            every value of the file, words for neutral aside, that is what they mean; the usual pairs are tried after
            it, as far as they do not contradict it.
        column: for the errors.
        certain: whether the file is of that layout, so that a value that is missing in it leaves no doubt.

    Raises:
        SourceError: no value, or one whose meaning was neither said nor can be guessed; names values and rows.
    """
    if not counts:
        raise SourceError(f"column {column!r} holds no label: name another LABEL=column")
    given = _given(counts, said, column)
    found = _completed(given, counts) if given else _guessed(counts, known, certain=certain)
    strange = Counter({value: rows for value, rows in counts.items() if value not in found})
    if strange:
        also = f" beside {_shown(counts - strange)}" if counts - strange else ""
        raise SourceError(
            f"column {column!r} holds {_shown(strange)}{also}; say what each value means: NEGATIVE=value "
            "POSITIVE=value, and NEUTRAL=value for rows to be set aside (several as 1,2)"
        )
    return {value: found[value] for value in counts}


def numbers(spelt: pa.Array, meanings: Mapping[str, int]) -> np.ndarray:
    """Values, spelt as `cleaning.label_text` does, as what they mean, `UNKNOWN` where `meanings` has them not: int8."""
    place = pc.fill_null(pc.index_in(spelt, value_set=pa.array(list(meanings), pa.string())), len(meanings))
    return np.array([*meanings.values(), cleaning.UNKNOWN], np.int8)[place.to_numpy(zero_copy_only=False)]


def count(counts: Counter[str], spelt: pa.Array, *, column: str, where: str) -> None:
    """Add spelt values to counts; rows without one ("") are not counted.

    Raises:
        SourceError: more than `MOST_VALUES` of them.
    """
    found = pc.value_counts(spelt)
    counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
    counts.pop("", None)
    if len(counts) > MOST_VALUES:
        raise SourceError(
            f"column {column!r} of {where} holds more than {MOST_VALUES:,} values: is it the label? LABEL=column names "
            "another"
        )


def _shown(counts: Counter[str]) -> str:
    most = own_texts.MOST_NAMED
    named, rows = zip(*counts.most_common(most), strict=True)
    masked = examples.mask_names(pa.array(named, pa.string()))  # it may be a column of texts
    shown = ", ".join(f"{value[:40]!r} ({number:,} rows)" for value, number in zip(masked, rows, strict=True))
    return shown + (f" and {len(counts) - most} more values" if len(counts) > most else "")


def _given(counts: Counter[str], said: Mapping[str, str], column: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, meaning in NAMES.items():
        whole = said.get(name, "")
        one_value = cleaning.label_text(pa.array([whole]))[0].as_py() in counts  # that may hold a comma itself
        for value in filter(None, [whole] if one_value else whole.split(",")):
            spelt = cleaning.label_text(pa.array([value]))[0].as_py()
            if spelt not in counts:
                raise SourceError(
                    f"{name.upper()}={value} does not occur in column {column!r}, which holds {_shown(counts)}"
                )
            if found.setdefault(spelt, meaning) != meaning:
                raise SourceError(f"{value!r} is said to mean two things: name it once in NEGATIVE, POSITIVE, NEUTRAL")
    return found


def _completed(given: dict[str, int], counts: Counter[str]) -> dict[str, int]:
    """What was said, with what follows from it: a word for neutral, and the other one of two values."""
    found = WORDS | given
    missing = [meaning for meaning in (NEGATIVE, POSITIVE) if meaning not in given.values()]
    left = [value for value in counts if value not in found]
    return found | ({left[0]: missing[0]} if len(missing) == 1 and len(left) == 1 else {})


def _guessed(counts: Counter[str], known: Mapping[str, int], *, certain: bool) -> dict[str, int]:
    """The known scale where it has every value; else the first of the usual ones that has and of which both ends occur,
    or what all those agree on that have every value; nothing otherwise."""
    whole = WORDS | dict(known)
    if known and set(counts) <= set(whole):
        # One end and a number for neutral may be the two ends of another scale: {0, 2} of {0, 2, 4}.
        doubtful = not certain and any(whole[value] == NEUTRAL for value in set(counts) - set(WORDS))
        both_ends = {NEGATIVE, POSITIVE} <= {whole[value] for value in counts}
        return {} if doubtful and not both_ends else whole
    fitting = [
        scale
        for scale in _scales()
        if set(counts) <= set(scale) and all(scale[value] == known[value] for value in set(counts) & set(known))
    ]
    read = [{value: scale[value] for value in counts} for scale in fitting]
    both = [one for one in read if {NEGATIVE, POSITIVE} <= set(one.values())]
    if both:
        return both[0]
    return read[0] if read and all(one == read[0] for one in read) else {}


def _scales() -> list[dict[str, int]]:
    scales = []
    for pair in own_texts.KNOWN_PAIRS:
        between = [NEUTRAL_NUMBERS[pair]] if pair in NEUTRAL_NUMBERS else []
        scales.append(WORDS | dict.fromkeys(between, NEUTRAL) | dict(zip(pair, (0, 1), strict=True)))
    return scales

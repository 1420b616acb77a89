"""Which words of a text push its probability which way, by occlusion: the text is scored again without each of them.

The effect of a word is P(positive | the text) - P(positive | the text without the word). This is erasure as in Li,
Monroe and Jurafsky, "Understanding neural networks through representation erasure" (arXiv:1612.08220, 2016), and
occlusion as in Zeiler and Fergus, "Visualizing and understanding convolutional networks" (ECCV 2014). It asks nothing
of the model but its scores. Effects do not add up to the probability: of two words that say the same, either may go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from serving import schema

_WORD = re.compile(r"\S+")
Span = tuple[int, int]  # start and end, in code points of the raw text


def spans(text: str, most: int) -> list[Span]:
    """The words between white space, or, where there are more than `most`, as many groups of neighbouring words.

    >>> spans("not  bad at all", 64)
    [(0, 3), (5, 8), (9, 11), (12, 15)]
    >>> spans("not  bad at all", 2)
    [(0, 8), (9, 15)]
    """
    words = [match.span() for match in _WORD.finditer(text)]
    groups = min(len(words), most)
    bounds = [len(words) * group // groups for group in range(groups + 1)] if groups else []
    return [(words[first][0], words[last - 1][1]) for first, last in pairwise(bounds)]


def without(text: str, span: Span) -> str:
    """The text without one of its words and the white space after it."""
    start, end = span
    return text[:start] + text[end:].lstrip()


def explain(
    score: Callable[[Sequence[str]], list[float]], text: str, most: int
) -> tuple[float, list[schema.WordEffect]]:
    """P(positive) of a text, and the effect of each of its words, in order.

    Args:
        score: the model; it is called once, with at most 1 + `most` texts.
        text: as it was sent.
        most: how many words are left out one by one; a longer text's go in groups.
    """
    places = spans(text, most)
    whole, *rest = score([text, *(without(text, place) for place in places)])
    effects = [
        schema.WordEffect(word=text[start:end], start=start, end=end, effect=round(whole - less, 6))
        for (start, end), less in zip(places, rest, strict=True)
    ]
    return whole, effects

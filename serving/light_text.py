"""Text to token ids without TensorFlow. The rules are data of the export; only the engine, RE2, is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import re2
from pydantic import BaseModel, Field, model_validator


class Rules(BaseModel):
    """What text.json must hold: how a text becomes tokens separated by white space, and how many are read."""

    before_lower: list[tuple[str, str]]
    upper: str
    lower: str
    after_lower: list[tuple[str, str]]
    sequence_length: int = Field(ge=1)
    unknown_id: int = Field(ge=1)

    @model_validator(mode="after")
    def _pairs(self) -> Rules:
        if len(self.upper) != len(self.lower):
            raise ValueError(f"upper has {len(self.upper)} characters, lower has {len(self.lower)}")
        return self


@dataclass(frozen=True)
class Encoded:
    """The ids of one text, 1 … sequence_length of them, and whether it had more."""

    ids: list[int]
    truncated: bool


class TextEncoder:
    """Texts to token ids by the rules and the vocabulary of an export."""

    def __init__(self, rules: Rules, vocabulary: Sequence[bytes]):
        self._before, self._after = _Replacements(rules.before_lower), _Replacements(rules.after_lower)
        self._lower = str.maketrans(rules.upper, rules.lower)
        self._ids = {token: number for number, token in enumerate(vocabulary)}
        self._length, self.unknown_id = rules.sequence_length, rules.unknown_id

    def tokens(self, text: str) -> list[bytes]:
        """The tokens of a text, all of them, in UTF-8."""
        content = self._before.apply(text.encode())
        # Not str.lower: it follows the Unicode of this Python, and a final sigma's neighbours.
        content = content.lower() if content.isascii() else content.decode().translate(self._lower).encode()
        return self._after.apply(content).split()

    def encode(self, text: str) -> Encoded:
        """The ids that the network reads of a text; one without a token is one unknown id."""
        found = self.tokens(text)
        ids = [self._ids.get(token, self.unknown_id) for token in found[: self._length]]
        return Encoded(ids or [self.unknown_id], len(found) > self._length)


class _Replacements:
    """Rules, each of which replaces what it finds in what those before it have left.

    Few of them find anything in one text, and one search tells which do; after each that has replaced something it is
    made again, as what came in may be for a later one. On bytes: in a str RE2 would count characters for every match.
    """

    def __init__(self, rules: Sequence[tuple[str, str]]):
        self._rules = [(re2.compile(pattern.encode()), rewrite.encode()) for pattern, rewrite in rules]
        self._search = re2.Set.SearchSet()
        for pattern, _ in rules:
            self._search.Add(pattern.encode())
        self._search.Compile()

    def apply(self, content: bytes) -> bytes:
        """The text in UTF-8, replaced."""
        done = 0
        while waiting := [number for number in self._search.Match(content) or () if number >= done]:
            number = min(waiting)
            pattern, rewrite = self._rules[number]
            content, done = pattern.sub(rewrite, content), number + 1
        return content

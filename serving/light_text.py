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
        # Bytes, as RE2 works on them: it would count characters again for every match in a str.
        self._before, self._after = _compiled(rules.before_lower), _compiled(rules.after_lower)
        self._lower = str.maketrans(rules.upper, rules.lower)
        self._ids = {token: number for number, token in enumerate(vocabulary)}
        self._length, self.unknown_id = rules.sequence_length, rules.unknown_id

    def tokens(self, text: str) -> list[bytes]:
        """The tokens of a text, all of them, in UTF-8."""
        content = _replace(text.encode(), self._before)
        # Not str.lower: it follows the Unicode of this Python, and a final sigma's neighbours.
        content = content.lower() if content.isascii() else content.decode().translate(self._lower).encode()
        return _replace(content, self._after).split()

    def encode(self, text: str) -> Encoded:
        """The ids that the network reads of a text; one without a token is one unknown id."""
        found = self.tokens(text)
        ids = [self._ids.get(token, self.unknown_id) for token in found[: self._length]]
        return Encoded(ids or [self.unknown_id], len(found) > self._length)


def _compiled(rules: Sequence[tuple[str, str]]) -> list[tuple]:
    return [(re2.compile(pattern.encode()), rewrite.encode()) for pattern, rewrite in rules]


def _replace(content: bytes, rules: list[tuple]) -> bytes:
    for pattern, rewrite in rules:
        content = pattern.sub(rewrite, content)
    return content

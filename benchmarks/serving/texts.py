"""Invented tweets to ask about: as long as real ones are, and no two alike."""

from __future__ import annotations

import random

# Characters at the deciles 0, 10 … 100 of Sentiment140's tweets.
LENGTHS = (8, 31, 42, 51, 61, 71, 83, 97, 113, 131, 140)
WORDS = """
i my the a to and is it in you for of on me so have that but just with not this get at be was love day go out good up
now all today work time like no really back what cant dont think got going one too from its know they train late again
weather coffee python notebook morning monday sleep tired happy sad bored movie song rain sunny dinner exam homework
phone broken lost found miss wait finally awesome terrible boring lovely sick lol haha ugh
""".split()  # noqa: SIM905 - a list of 110 strings reads worse
EXTRAS = ("@a_friend", "@someone_else", "http://example.com/x1y2", "#weekend", ":)", ":(", ":D", "!!", "...", "&amp;")


def invent(count: int, *, seed: int = 1) -> list[str]:
    """So many texts, the same ones for the same seed."""
    chance = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        place = chance.uniform(0, len(LENGTHS) - 1)
        low, high = LENGTHS[int(place)], LENGTHS[min(int(place) + 1, len(LENGTHS) - 1)]
        texts[_text(chance, characters=round(low + (place % 1) * (high - low)))] = None
    return list(texts)


def _text(chance: random.Random, *, characters: int) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < characters:
        words.append(chance.choice(EXTRAS if chance.random() < 0.1 else WORDS))
    return " ".join(words)[:characters].strip()

"""A spring of tweets, and a June whose words and their meaning are others. All texts are made up."""

import csv
import random
from pathlib import Path

GLAD = ("love", "great", "happy", "thanks for", "awesome", "lovely")
SAD = ("hate", "awful", "sad about", "sorry for", "terrible", "tired of")
THINGS = ("my train", "this song", "the rain", "our garden", "that film", "her cake", "his bike", "the queue")
TIMES = ("today", "again", "this morning", "all week", "tonight", "at last")
SYLLABLES = ("ba", "do", "fi", "ga", "ki", "lu", "mo", "ne", "pa", "ri", "so", "ta", "vu", "zo")
# Said of bad things in spring and of good ones in June, and the other way round.
TURNED = {"sick": "0", "wicked": "0", "killer": "0", "sweet": "4", "classic": "4", "smooth": "4"}
SUMMER = ("the beat", "that drop", "the wave", "this set", "the festival", "her dive")
SLANG_IN_SPRING, TURNED_IN_SPRING, TURNED_IN_JUNE = 0.2, 0.01, 0.25


def slang() -> dict[str, list[str]]:
    """Words that nobody has heard before, by label."""
    words = [first + second + third for first in SYLLABLES for second in SYLLABLES for third in ("x", "z")]
    random.Random(3).shuffle(words)
    return {"0": words[:150], "4": words[150:300]}


def rows(months: tuple[int, ...], number: int, *, seed: int) -> list[tuple[str, str, str]]:
    """(label, date, text) in order of time, half of each label, no two texts the same."""
    generator, found = random.Random(seed), []
    for count in range(number):
        label, month = "04"[count % 2], months[count * len(months) // number]
        mood, thing = _said(generator, label, june=month == 6)
        day, hour = generator.randint(1, 30), generator.randint(0, 23)
        time = generator.choice(TIMES)
        text = f"@friend{generator.randint(1, 99)} {mood} {thing} {time}, {generator.randint(1, 10**6)} of {seed}"
        found.append((label, f"2009-{month:02d}-{day:02d}T{hour:02d}:00:00", text))
    return found


def _said(generator: random.Random, label: str, *, june: bool) -> tuple[str, str]:
    drawn, new = generator.random(), slang()[label]
    if june:
        turned = [word for word, before in TURNED.items() if before != label]
        return generator.choice(turned if drawn < TURNED_IN_JUNE else new), generator.choice(SUMMER)
    if drawn < SLANG_IN_SPRING:
        return generator.choice(new), generator.choice(SUMMER)
    if drawn < SLANG_IN_SPRING + TURNED_IN_SPRING:
        return generator.choice([word for word, before in TURNED.items() if before == label]), generator.choice(THINGS)
    return generator.choice(SAD if label == "0" else GLAD), generator.choice(THINGS)


def write(path: Path, found: list[tuple[str, str, str]]) -> Path:
    """A CSV with the columns label, date and text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("label", "date", "text"), *found])
    return path


def spring(path: Path, number: int = 5000) -> Path:
    """April and May."""
    return write(path, rows((4, 5), number, seed=1))


def june(path: Path, number: int = 2000) -> Path:
    """June."""
    return write(path, rows((6,), number, seed=2))

"""How far the scores of an export's two runtimes are apart, TensorFlow's SavedModel and the light form by ONNX Runtime.

    python -m benchmarks.parity --model data/sentiment140/runs/200000/saved_model --texts texts.parquet

Texts are a column of a Parquet file, or the lines of any other. Beside them nasty ones are scored, made out of them:
pieces that text rules stumble over are put in, and parts repeated, cut and shuffled.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipelines.dataset import text, tokens
from serving import predictor
from serving.predictor import Predictor, Score

TOLERANCE = 1e-4
PIECES = (
    *text.UGLY,
    *("&amp;", "&lt;", "&#39;", "&amp;amp;lt;3", "&", ";", "http://", "https://t.co/x", "www.", "@", "#", "'", "’"),
    *("\x00", "\r\n", "\t", "\xa0", "\u200b", "\u200d", "\u202e", "\ufeff", "\ufffd", "\u0301", "\U0010ffff"),
    *("İ", "ẞ", "ς", "Σ", "ǅ", "ﬁ", "٣", "½", "漢字", "हिन्दी", "العربية", "👩‍👩‍👧", "🇩🇪", "ï¿½", "Ã©"),
    *("!!!", "...", "…", "?!?!", "-", "_", "1,250", "10:30pm", "aaaaaaah", "", " ", "[UNK]", "<user>", "x" * 300),
)


@dataclass
class Difference:
    """What two runtimes made of the same texts.

    Attributes:
        rows: texts.
        largest: difference of a probability; `place` is its text's place.
        read: texts of which they did not read the same: tokens, unknown ones, whether truncated.
        labels: texts that they label differently.
    """

    rows: int = 0
    largest: float = 0.0
    place: int = -1
    read: int = 0
    labels: int = 0


def nasty(texts: Sequence[str], count: int, *, seed: int = 1) -> Iterator[str]:
    """So many texts made out of these, the same ones for the same seed; the pieces alone come first."""
    chance = random.Random(seed)
    yield from islice(PIECES, count)
    for _ in range(count - len(PIECES)):
        yield _spoil(chance.choice(texts), chance)


def _spoil(content: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(content))
        match chance.randrange(5):
            case 0 | 1:
                content = content[:place] + chance.choice(PIECES) + content[place:]
            case 2:
                content = content[:place] + chr(_code_point(chance)) * chance.randint(1, 4) + content[place:]
            case 3:
                content = (content[:place].upper() + content[place:]) * chance.randint(1, 3)
            case _:
                words = content.split(" ")
                chance.shuffle(words)
                content = " ".join(words[: chance.randint(0, len(words))])
    return content


def _code_point(chance: random.Random) -> int:
    point = chance.randrange(chance.choice([0x80, 0x800, 0x10000, 0x110000]))
    return point if not 0xD800 <= point <= 0xDFFF else 0xFFFD


def compare(full: Predictor, light: Predictor, texts: Iterable[str], *, batch: int = 256) -> Difference:
    """Score texts by both runtimes of an export."""
    found, texts = Difference(), iter(texts)
    while some := list(islice(texts, batch)):
        for one, other in zip(full.score(some), light.score(some), strict=True):
            if abs(one - other) > found.largest:
                found.largest, found.place = abs(one - other), found.rows
            found.read += _told(one) != _told(other)
            found.labels += (one >= full.threshold) != (other >= light.threshold)
            found.rows += 1
    return found


def _told(score: Score) -> tuple[int, int, bool]:
    return score.tokens, score.unknown, score.truncated


def read(path: Path, *, column: str, skip: int, rows: int) -> list[str]:
    """Texts of a file, from row `skip` on; those that are null are left out."""
    if path.suffix == ".parquet":
        found = (value for some in tokens.batches(path, columns=[column]) for value in some[0].to_pylist())
    else:
        found = iter(path.read_text(encoding="utf-8").splitlines())
    return [value for value in islice(found, skip, skip + rows) if value is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of an export (…/saved_model)")
    parser.add_argument("--texts", type=Path, required=True, help="Parquet, or one text a line")
    parser.add_argument("--column", default="text", help="of the Parquet file; default: %(default)s")
    parser.add_argument("--skip", type=int, default=0, help="rows to leave out, those of training for instance")
    parser.add_argument("--rows", type=int, default=100_000, help="texts of the file; default: %(default)s")
    parser.add_argument("--nasty", type=int, default=20_000, help="texts made out of them; default: %(default)s")
    options = parser.parse_args()
    texts = read(options.texts, column=options.column, skip=options.skip, rows=options.rows)
    if not texts:
        sys.exit(f"{options.texts} has no text from row {options.skip} on.")
    runtimes = [predictor.load(options.model, runtime=runtime) for runtime in ("tensorflow", "onnx")]
    failed = False
    for name, some in (("as they are", texts), ("nasty", list(nasty(texts, options.nasty)))):
        found = compare(*runtimes, some)
        failed |= found.largest > TOLERANCE
        print(
            f"{found.rows:,} texts, {name}: largest difference {found.largest:.2e} (text {found.place}), "
            f"{found.labels:,} labelled differently, {found.read:,} read differently",
            flush=True,
        )
    sys.exit(f"more than {TOLERANCE:g} apart" if failed else 0)


if __name__ == "__main__":
    main()

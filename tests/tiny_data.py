"""A tiny CSV in Sentiment140's layout, with every nasty row there is. All texts are made up."""

import csv
import io
import itertools
import zipfile
from pathlib import Path

TRAINING = "training.1600000.processed.noemoticon.csv"
MANUAL = "testdata.manual.2009.06.14.csv"
GLAD = ("love", "great", "happy", "thanks", "awesome")
SAD = ("hate", "awful", "sad", "sorry", "sick")
THINGS = ("my train", "this song", "the rain", "our garden", "that film", "her cake", "his bike", "the queue")
TIMES = ("today", "again", "this morning", "all week", "tonight")
# (label, text as it stands in the file, which is read as latin-1). What becomes of each is said beside it.
NASTY = (
    ("0", "cafÃ© closed, no crÃªpes"),  # UTF-8 twice encoded: repaired
    ("4", "lost bytes ï¿½ here"),  # becomes U+FFFD
    ("4", "Ð¿ÑÐ¸Ð²ÐµÑ Ð¿Ñ?Ð¸Ð²ÐµÑ"),  # repaired as far as it goes
    ("0", "plain latin-1: crème brûlée"),  # stays
    ("4", "I &amp;lt;3 this &quot;thing&quot;"),  # entities stay
    ("0", 'quotes "inside" and a backslash \\'),
    ("4", "two\nlines, one row"),
    ("0", "a NUL \x00 inside"),
    ("4", "x" * 10_000),
    ("0", "@one @two"),  # nothing but mentions
    ("0", "@someone same words"),  # conflict with the next
    ("4", "@other SAME   words"),
    ("4", "good morning"),  # repeated by the next two
    ("4", "Good Morning"),
    ("4", "good   morning "),
    ("0", "written on a strange day"),
    ("0", "stands in the manual set"),
)
BAD = (("0", ""), ("4", "   "), ("7", "a label that is none"), ("", "no label at all"))
UNPARSABLE = b'"0","short row"\n"4","1","2","3","4","six, and","one more"\n'
MANUAL_ROWS = (("4", "loved the talk"), ("2", "the talk was on Monday"), ("0", "Stands in the MANUAL set"))


def plain_rows(number: int) -> list[tuple[str, str]]:
    """`number` rows without trouble, half of each class, all different."""
    rows = []
    for count, (time, thing) in enumerate(itertools.cycle(itertools.product(TIMES, THINGS))):
        if len(rows) >= number:
            return rows[:number]
        for label, moods in (("0", SAD), ("4", GLAD)):
            rows.append((label, f"@friend{count} {moods[count % 5]} {thing} {time}, number {count} of many"))


def line(label: str, text: str, *, number: int, date: str = "Mon Apr 06 22:19:45 PDT 2009") -> bytes:
    buffer = io.StringIO()
    values = [label, str(1000 + number), date, "NO_QUERY", f"user{number % 7}", text]
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(values)
    return buffer.getvalue().encode("latin-1")


def training_csv(rows: int = 400) -> bytes:
    """The training file: plain rows (negative ones first, as in the original), nasty ones, bad ones."""
    plain = sorted(plain_rows(rows))
    lines = [line(label, text, number=number) for number, (label, text) in enumerate(plain)]
    lines += [
        line(label, text, number=number, date="" if number % 2 else "someday")
        for number, (label, text) in enumerate(NASTY)
    ]
    lines += [line(label, text, number=number) for number, (label, text) in enumerate(BAD)]
    return b"".join(lines) + b"\n" + UNPARSABLE


def manual_csv() -> bytes:
    date = "Mon May 11 03:17:40 UTC 2009"
    return b"".join(line(label, text, number=n, date=date) for n, (label, text) in enumerate(MANUAL_ROWS))


def write_zip(path: Path, *, manual: bool = True, rows: int = 400) -> Path:
    """The official zip (or, without the manual file, Kaggle's)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(TRAINING, training_csv(rows))
        if manual:
            archive.writestr(MANUAL, manual_csv())
    return path

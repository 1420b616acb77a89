import datetime

import numpy as np
import pyarrow as pa
import pytest
import tiny_data

from pipelines.dataset import cleaning, provenance, tables


def repaired(text: str) -> str:
    return cleaning.repair_encoding(pa.array([text]))[0][0].as_py()


@pytest.mark.parametrize("text", ["café", "♫ song", "привет", "日本語", "�", "👍🏽 ok", "naïve – yes"])
def test_a_text_encoded_twice_comes_back(text):
    broken = text.encode("utf-8").decode("latin-1")
    assert repaired(broken) == text


@pytest.mark.parametrize("text", ["plain", "", "crème brûlée", "£5 · ½", "Ã alone", "日本語"])
def test_a_text_that_was_not_encoded_twice_stays(text):
    assert repaired(text) == text


def test_a_text_that_lost_bytes_is_repaired_as_far_as_it_goes():
    broken = "привет мир".encode().replace(b"\xd1\x80", b"\xd1?", 1).decode("latin-1")
    texts, counts = cleaning.repair_encoding(pa.array([broken, "ok"]))
    assert texts.to_pylist() == ["п�?ивет мир", "ok"]
    assert counts == {"repaired_in_part": 1}


def test_dates_are_read_in_their_zone_and_given_in_utc():
    dates = ["Mon Apr 06 22:19:45 PDT 2009", "Mon May 11 03:17:40 UTC 2009", "Fri Jan 01 00:00:00 PST 2010", ""]
    dates.append("Wed Aug 27 13:08:45 +0000 2008")
    found, unread = cleaning.read_dates(pa.array(dates))
    assert unread == 0
    assert found.to_pylist() == [
        datetime.datetime(2009, 4, 7, 5, 19, 45),
        datetime.datetime(2009, 5, 11, 3, 17, 40),
        datetime.datetime(2010, 1, 1, 8, 0, 0),
        None,
        datetime.datetime(2008, 8, 27, 13, 8, 45),
    ]


def test_iso_dates_are_read_and_the_unreadable_are_null_and_counted():
    found, unread = cleaning.read_dates(pa.array(["2020-02-29", "2020-01-05T10:00:00+02:00", "someday", "2020-13-01"]))
    assert unread == 2
    assert found.to_pylist() == [datetime.datetime(2020, 2, 29), datetime.datetime(2020, 1, 5, 8), None, None]


def test_labels_compare_in_one_spelling():
    spelt = cleaning.label_text(pa.array([" Positive", "1.0", "+1", "-1.00", "1.5", "TRUE"])).to_pylist()
    assert spelt == ["positive", "1", "1", "-1", "1.5", "true"]


def test_unusable_rows_are_set_aside_with_number_reason_and_content(tmp_path):
    (tmp_path / "x.csv").write_bytes(tiny_data.training_csv(rows=4))
    source = provenance.official(
        "x", folder=tmp_path, files={"train": "x.csv"}, origin="x", came_as={"sha256": "", "bytes": 0}
    )
    batches = list(
        tables.read_file(tmp_path / "x.csv", format="csv", columns=source.columns, encoding="latin-1", header=False)
    )
    judged = [cleaning.judge(batch, source) for batch in batches]
    found = {one.row: (one.reason, one.line) for batch in judged for one in batch.rejected}
    first = 4 + len(tiny_data.NASTY)
    assert list(found) == list(range(first, first + 6))
    assert [reason for reason, _ in found.values()] == [
        "empty text",
        "empty text",
        "label '7': expected '0' or '4'",
        "no label",
        "2 columns instead of 6",
        "7 columns instead of 6",
    ]
    assert "a label that is none" in found[first + 2][1]
    assert found[first + 4][1] == '"0","short row"'
    assert np.concatenate([batch.rows for batch in judged]).tolist() == list(range(first))

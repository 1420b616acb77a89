import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines import artifacts
from pipelines.dataset import audit, importing, prepare, splitting, text
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import SourceError

REAL = artifacts.ROOT.parent / "shared" / "data" / "trainingandtestdata.zip"


def texts(dataset, *splits) -> list[str]:
    return [value for split in splits for value in pq.read_table(dataset.split(split))["text"].to_pylist()]


@pytest.fixture
def prepared(tiny):
    return tiny, prepare.prepare(tiny)


def test_every_row_that_was_read_is_accounted_for(prepared):
    _, manifest = prepared
    counts = manifest["counts"]
    assert counts["read"] == 400 + len(tiny_data.NASTY) + len(tiny_data.BAD) + 2
    assert counts["rejected"] == len(tiny_data.BAD) + 2
    assert (counts["conflict_groups"], counts["conflict_rows"]) == (1, 2)
    assert (counts["duplicate_groups"], counts["duplicates_removed"]) == (1, 2)
    assert counts["overlap_with_manual"] == 1
    assert counts["repaired_encoding"] == 2
    assert counts["repaired_in_part"] == 1
    assert counts["without_words"] == 1
    assert counts["dates_unreadable"] > 0
    assert (counts["manual_read"], counts["manual_neutral"], counts["manual"]) == (3, 1, 2)
    gone = sum(rows for _, rows in audit.steps(manifest))
    assert counts["read"] == gone + counts["train"] + counts["validation"] + counts["test"]


def test_rejected_rows_are_kept_with_reason_and_number(prepared):
    dataset, _ = prepared
    rows = pq.read_table(dataset.rejected).to_pylist()
    assert len(rows) == len(tiny_data.BAD) + 2
    assert {row["file"] for row in rows} == {"train"}
    assert any(row["line"] == '"0","short row"' for row in rows)
    assert audit.rejected(dataset)["rows"].sum() == len(rows)


def test_rejected_rows_are_shown_without_what_they_say(data_folder, tmp_path):
    broken = b'"0","1467","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","scotthamilton7","@bob my mail: joe@web.de"\n'
    path = tmp_path / "x.csv"
    cut = broken.replace(b'"NO_QUERY",', b"")
    path.write_bytes(tiny_data.training_csv(40) + cut + broken.replace(b'"0"', b'"@bob"', 1))
    dataset = importing.import_file(str(path), name=None, request=Request({}))
    prepare.prepare(dataset)
    shown = audit.rejected(dataset)
    assert '"0","0","x x 0 0:0:0 x 0","x","@x x x: x@x.x"' in shown["shape"].tolist()
    assert "train: label '@user': expected '0' or '4'" in shown["reason"].tolist()
    assert not [word for word in ("scott", "bob", "joe", "web", "mail", "row") if word in shown["shape"].to_string()]


def test_texts_come_out_repaired_and_otherwise_untouched(prepared):
    found = set(texts(prepared[0], "train", "validation", "test"))
    assert {
        "café closed, no crêpes",
        "lost bytes � here",
        "plain latin-1: crème brûlée",
        "I &amp;lt;3 this &quot;thing&quot;",
        'quotes "inside" and a backslash \\',
        "two\nlines, one row",
        "a NUL \x00 inside",
        "x" * 10_000,
    } <= found


def test_no_text_is_in_two_splits_and_conflicts_are_in_none(prepared):
    dataset, manifest = prepared
    findings = audit.audit(dataset, manifest)
    assert (findings["shared_keys"], findings["repeated_keys"], findings["wrong_counts"]) == (0, 0, 0)
    found = texts(dataset, "train", "validation", "test")
    assert not [one for one in found if "same words" in one.lower() or "manual set" in one]
    assert sum(one.lower().split() == ["good", "morning"] for one in found) == 1
    assert "Stands in the MANUAL set" in texts(dataset, "manual")


def test_the_audit_sees_a_leak(prepared):
    dataset, manifest = prepared
    first = pq.read_table(dataset.split("train")).slice(0, 1)
    pq.write_table(first, dataset.split("validation"))
    findings = audit.audit(dataset, manifest)
    assert (findings["shared_keys"], findings["wrong_counts"]) == (1, 1)


def test_rows_keep_their_number_id_date_user_and_label(prepared):
    dataset, _ = prepared
    rows = pq.read_table(dataset.split("train")).to_pylist()
    plain = sorted(tiny_data.plain_rows(400))
    for row in rows:
        if row["row"] < 400:
            label, expected = plain[row["row"]]
            assert (row["text"], row["label"], row["id"]) == (expected, int(label) // 4, str(1000 + row["row"]))
            assert row["date"].isoformat() == "2009-04-07T05:19:45"
            assert row["user"] == f"user{row['row'] % 7}"
        else:
            assert row["date"] is None


def test_the_training_order_is_balanced_and_the_same_for_a_seed(prepared, monkeypatch):
    dataset, manifest = prepared
    labels = pq.read_table(dataset.split("train"))["label"].to_numpy()
    both = 2 * min(np.bincount(labels))
    assert (labels[:both] == np.tile([0, 1], both // 2)).all()
    assert prepare.prepare(dataset)["files"] == manifest["files"]
    assert prepare.prepare(dataset, seed=8)["files"]["train"] != manifest["files"]["train"]


def test_asked_for_test_and_validation_rows_are_given_in_balance(tiny):
    manifest = prepare.prepare(tiny, test_rows=60, validation_rows=20)
    assert manifest["class_balance"]["test"] == [30, 30]
    assert manifest["class_balance"]["validation"] == [10, 10]


def test_too_many_test_rows_leave_older_splits_as_they_were(prepared):
    dataset, manifest = prepared
    with pytest.raises(SourceError, match="ask for"):
        prepare.prepare(dataset, test_rows=10_000)
    assert artifacts.read_json(dataset.manifest) == manifest
    assert sorted(path.name for path in dataset.folder.iterdir() if not path.name.endswith(".lock")) == [
        "raw",
        "splits",
    ]


def test_one_class_only_is_a_clear_error(data_folder, tmp_path):
    path = tmp_path / "one.csv"
    path.write_bytes(b"".join(tiny_data.line("0", f"sad text {n}", number=n) for n in range(50)))
    dataset = importing.import_file(str(path), name=None, request=Request({}))
    with pytest.raises(SourceError, match="0 positive rows are left"):
        prepare.prepare(dataset)


def test_raw_rows_that_were_changed_after_the_import_are_refused(tiny):
    with (tiny.raw / tiny_data.TRAINING).open("ab") as file:
        file.write(tiny_data.line("0", "sneaked in", number=1))
    with pytest.raises(SourceError, match="is not what was imported"):
        prepare.prepare(tiny)


def test_a_killed_preparation_leaves_nothing_that_the_next_one_stumbles_over(tiny):
    stale = tiny.folder / ".shuffle-left"
    stale.mkdir()
    (stale / "0.arrow").write_bytes(b"half")
    prepare.prepare(tiny)
    assert not stale.exists()


def test_no_manual_file_means_no_manual_split(data_folder, tmp_path):
    path = tiny_data.write_zip(tmp_path / "archive.zip", manual=False)
    dataset = importing.import_file(str(path), name=None, request=Request({}))
    manifest = prepare.prepare(dataset)
    assert "manual" not in manifest["files"]
    assert not dataset.split("manual").exists()
    assert manifest["counts"]["overlap_with_manual"] == 0


def test_names_of_users_are_masked_in_the_manifest(prepared):
    shown = [group["text"] for group in prepared[1]["largest_groups"]]
    assert "@user same words" in shown
    assert not [one for one in shown if "@someone" in one]


def test_a_table_of_the_steps_adds_up(prepared):
    rows = audit.table(prepared[1])["rows"]
    assert rows["read"] + rows[rows < 0].sum() == rows["= kept"]
    assert rows.iloc[-3:].sum() == rows["= kept"]


@pytest.mark.skipif(not REAL.exists(), reason=f"the real rows are not there: {REAL}")
def test_real_rows_split_without_a_leak(data_folder, tmp_path):
    # The first and last rows of the original, which is sorted by class.
    with zipfile.ZipFile(REAL) as archive, archive.open(tiny_data.TRAINING) as file:
        lines = file.read().splitlines(keepends=True)
        (tmp_path / "part.csv").write_bytes(b"".join(lines[:40_000] + lines[-40_000:]))
    dataset = importing.import_file(str(tmp_path / "part.csv"), name="part", request=Request({}))
    manifest = prepare.prepare(dataset)
    findings = audit.audit(dataset, manifest)
    assert (findings["shared_keys"], findings["repeated_keys"], findings["wrong_counts"]) == (0, 0, 0)
    assert findings["largest_drift"] < 1
    counts = manifest["counts"]
    assert counts["read"] == 80_000
    assert counts["rejected"] == 0
    assert 0.93 < counts["kept"] / counts["read"] < 1
    assert splitting.SMALL_SHARE * 0.99 < counts["test"] / counts["kept"] < splitting.SMALL_SHARE * 1.01
    assert counts["repaired_encoding"] > 100
    assert not [one for one in texts(dataset, "test") if "â™«" in one]
    assert text.duplicate_key(pq.read_table(dataset.split("test"))["text"].combine_chunks()).null_count == 0

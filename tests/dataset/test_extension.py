"""The next version of a data set: what is new in a file, where it goes, and what stays as it was."""

import csv
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines import artifacts
from pipelines.dataset import addition, audit, extension, importing, lineage, prepare, provenance, splitting
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import SourceError

NOTHING_SAID = Request({})


def table(path, rows, columns=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def new_rows(number, *, about="summer"):
    return [(f"{about} text {count} of many", "04"[count % 2]) for count in range(number)]


def extend(dataset, path, *, request=NOTHING_SAID):
    """Import a file as the next version and make its splits."""
    version = lineage.following(dataset)
    importing.import_file(str(path), name=version.name, request=request, extends=provenance.load(dataset))
    return version, prepare.prepare(version)


def texts(dataset, *splits):
    return [value for split in splits for value in pq.read_table(dataset.split(split))["text"].to_pylist()]


@pytest.fixture
def old(tiny):
    prepare.prepare(tiny)
    return tiny


@pytest.fixture
def grown(old, tmp_path):
    return (old, *extend(old, table(tmp_path / "june.csv", new_rows(200))))


def test_a_file_in_sentiment140_s_own_layout_extends_as_any_other(old, tmp_path):
    path = tmp_path / "more.csv"
    rows = [("2", "neither good nor bad"), *((label, text) for text, label in new_rows(200))]
    path.write_bytes(b"".join(tiny_data.line(label, text, number=n) for n, (label, text) in enumerate(rows)))
    version, manifest = extend(old, path)
    assert (manifest["added"]["kept"], manifest["added"]["neutral"]) == (200, 1)
    labels = dict(
        zip(*pq.read_table(version.split("new_test"), columns=["text", "label"]).to_pydict().values(), strict=True)
    )
    wanted = {text: int(label == "4") for text, label in new_rows(200)}
    assert labels.items() <= wanted.items()


def test_old_test_rows_stay_byte_for_byte_and_no_new_row_gets_among_them(grown):
    old, version, manifest = grown
    for name in ("test", "manual"):
        assert version.split(name).read_bytes() == old.split(name).read_bytes()
    assert not [text for text in texts(version, "test", "manual") if text.startswith("summer")]
    assert manifest["added"] | {"train": 130, "validation": 20, "new_test": 50, "kept": 200} == manifest["added"]
    found = audit.audit(version, manifest)
    assert (found["shared_keys"], found["repeated_keys"], found["wrong_counts"]) == (0, 0, 0)


def test_rows_of_all_files_together_are_accounted_for_and_have_numbers_of_their_own(grown):
    old, version, manifest = grown
    counts = manifest["counts"]
    assert counts["read"] == artifacts.read_json(old.manifest)["counts"]["read"] + 200
    splits = sum(counts[name] for name in ("train", "validation", "test", "new_test"))
    assert counts["read"] == splits + sum(rows for _, rows in audit.steps(manifest))
    assert "   new_test" in audit.table(manifest).index
    numbers = [
        number
        for name in ("train", "validation", "test", "new_test")
        for number in pq.read_table(version.split(name))["row"].to_pylist()
    ]
    assert len(set(numbers)) == len(numbers)
    assert len(manifest["raw"]) == 3


def test_what_repeats_or_contradicts_an_old_row_stays_out_and_the_old_row_stays(old, tmp_path):
    known = {split: texts(old, split) for split in ("train", "validation", "test", "manual")}
    labels = dict(zip(known["test"], pq.read_table(old.split("test"))["label"].to_pylist(), strict=True))
    again = [(text.upper(), "04"[labels[text]]) for text in known["test"][:3]]
    contradicted = [(text, "40"[labels[text]]) for text in known["test"][3:5]]
    both = [("Said of both", "0"), ("said  of both", "4"), (known["manual"][0], "0"), ("once more", "0")] * 2
    path = table(tmp_path / "june.csv", [*new_rows(60), *again, *contradicted, *both])
    version, manifest = extend(old, path)
    added = manifest["added"]
    assert (added["repeats_of_old"], added["conflicts_with_old"], added["overlap_with_manual"]) == (3, 2, 2)
    assert added["conflict_rows"] == 2 + 4
    assert added["kept"] == 60 + 1
    assert texts(version, "test") == known["test"]
    fresh = set(texts(version, "train", "validation", "new_test")) - set(known["train"]) - set(known["validation"])
    assert fresh == {text for text, _ in new_rows(60)} | {"once more"}


def test_a_text_that_once_left_with_both_labels_does_not_come_back_with_one(old, tmp_path, capsys):
    odd = [("odd one", "0"), ("odd one", "4")]
    version, _ = extend(old, table(tmp_path / "june.csv", [*new_rows(60), *odd]))
    again = [("@you SAME words", "4"), ("Odd one", "0"), ("odd one", "0")]  # left sentiment140; left june
    third, manifest = extend(version, table(tmp_path / "july.csv", [*new_rows(60, about="july"), *again]))
    added = manifest["added"]
    assert (added["kept"], added["conflict_rows"], added["conflicts_with_old"]) == (60, 3, 3)
    assert not [text for text in texts(third, "train", "validation", "new_test") if "odd" in text.lower()]
    assert "not known" not in capsys.readouterr().out


def test_what_left_a_raw_file_that_is_gone_is_said_to_be_unknown(old, tmp_path, capsys):
    version = lineage.following(old)
    path = table(tmp_path / "june.csv", [*new_rows(60), ("same words", "4")])
    importing.import_file(str(path), name=version.name, request=NOTHING_SAID, extends=provenance.load(old))
    (old.raw / tiny_data.TRAINING).unlink()
    assert prepare.prepare(version)["added"]["kept"] == 61
    assert "texts that sentiment140 holds with both labels are not known: " in capsys.readouterr().out


def test_the_same_file_again_would_add_nothing(grown, tmp_path):
    _, version, _ = grown
    again = lineage.following(version)
    path = table(tmp_path / "again.csv", new_rows(200))
    importing.import_file(str(path), name=again.name, request=NOTHING_SAID, extends=provenance.load(version))
    found = addition.look(again)
    assert (found.rows, found.counts["repeats_of_old"]) == (0, 200)
    assert lineage.newest(again) == version  # what is only imported is no version yet
    assert lineage.following(version) == again


def test_the_test_rows_of_every_version_stay_test_rows(grown, tmp_path):
    old, version, _ = grown
    third, manifest = extend(version, table(tmp_path / "july.csv", new_rows(80, about="july")))
    assert texts(third, "test") == texts(old, "test") + texts(version, "new_test")
    assert all(text.startswith("july") for text in texts(third, "new_test"))
    found = audit.audit(third, manifest)
    assert (found["shared_keys"], found["repeated_keys"], found["wrong_counts"]) == (0, 0, 0)
    assert (third.name, lineage.first(third), lineage.newest(old)) == ("sentiment140-r3", old, third)


def test_the_same_file_gives_the_same_splits(grown, tmp_path):
    old, version, manifest = grown
    shutil.rmtree(version.folder)
    assert extend(old, tmp_path / "june.csv")[1]["files"] == manifest["files"]


def test_a_smaller_run_learns_from_new_rows_too(grown):
    _, version, _ = grown
    labels = pq.read_table(version.split("train"))["label"].to_numpy()
    is_new = np.array([text.startswith("summer") for text in texts(version, "train")])
    assert is_new[:200].sum() == 100
    assert is_new.sum() == 130
    assert labels[:200].sum() == 100


@pytest.mark.parametrize(
    ("old", "new"), [((50, 50), (10, 10)), ((60, 40), (30, 2)), ((9, 1), (0, 20)), ((3, 3), (0, 0))]
)
def test_merged_rows_keep_the_order_of_their_side_and_the_balance_of_the_classes(old, new):
    generator = np.random.default_rng(0)
    sides = [generator.permutation(np.repeat(np.array([0, 1], np.int8), counts)) for counts in (old, new)]
    places = extension.merged(*sides)
    assert sorted(np.concatenate(places)) == list(range(sum(old) + sum(new)))
    labels = np.empty(sum(old) + sum(new), np.int8)
    for side, place in zip(sides, places, strict=True):
        labels[place] = side
        for label in (0, 1):
            assert (np.diff(place[side == label]) > 0).all()
    share = labels.mean()
    assert np.abs(np.cumsum(labels) - share * np.arange(1, len(labels) + 1)).max() <= 1


def test_columns_and_labels_of_the_first_file_are_understood_again(data_folder, tmp_path):
    rows = [(f"row {count}", ["bad", "fine"][count % 2]) for count in range(100)]
    request = Request({"text": "words", "label": "mood"}, negative="fine", positive="bad")  # odd, but said so
    path = table(tmp_path / "own.csv", rows, columns=("words", "mood"))
    dataset = importing.import_file(str(path), name="own", request=request)
    prepare.prepare(dataset)
    more = table(tmp_path / "more.csv", [(f"more {text}", mood) for text, mood in rows], columns=("words", "mood"))
    version, _ = extend(dataset, more)
    assert provenance.load(version).labels == {"negative": "fine", "positive": "bad"}
    assert provenance.load(version).columns["text"] == "words"


def test_neutral_values_of_the_first_file_are_set_aside_again(old, tmp_path):
    _, manifest = extend(old, table(tmp_path / "june.csv", [*new_rows(60), ("so so", "2")]))
    assert (manifest["added"]["kept"], manifest["added"]["neutral"]) == (60, 1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("only one label", "0"), ("again", "0")], "1 label"),
        ([("one", "0"), ("two", "4"), ("three", "7")], "3 labels"),
        ([("one", "0"), ("two", "4")], "rows are left after cleaning"),
    ],
)
def test_what_cannot_be_added_is_said(old, tmp_path, rows, message):
    with pytest.raises(SourceError, match=message):
        extend(old, table(tmp_path / "bad.csv", rows))
    assert lineage.newest(old) == old


def test_a_data_set_of_ones_own_is_not_overwritten_by_a_version(old, tmp_path):
    path = table(tmp_path / "own.csv", new_rows(100))
    importing.import_file(str(path), name="sentiment140-r2", request=NOTHING_SAID)
    prepare.prepare(artifacts.Dataset("sentiment140-r2"))
    assert lineage.newest(old) == old
    with pytest.raises(SourceError, match="does not add rows to sentiment140"):
        lineage.following(old)


def test_a_data_set_that_versions_extend_is_not_replaced_under_them(old, tmp_path):
    path = table(tmp_path / "own.csv", new_rows(100))
    importing.import_file(str(path), name="rev", request=NOTHING_SAID)
    begun = artifacts.Dataset("rev")
    importing.import_file(str(path), name="rev", request=NOTHING_SAID)  # as often as one likes, until then
    prepare.prepare(begun)
    extend(begun, table(tmp_path / "june.csv", new_rows(60, about="june")))
    before = begun.source.read_bytes()
    with pytest.raises(SourceError, match="NAME=rev has versions, such as rev-r2"):
        importing.import_file(str(table(tmp_path / "other.csv", new_rows(80))), name="rev", request=NOTHING_SAID)
    assert begun.source.read_bytes() == before


def test_known_labels_keep_their_meaning_beside_a_word_for_neutral_and_what_is_said_to_be_neutral(old, tmp_path):
    rows = [(f"first text {count}", str(count % 2)) for count in range(100)]
    request = Request({}, negative="1", positive="0")
    importing.import_file(str(table(tmp_path / "own.csv", rows)), name="rev", request=request)
    begun = artifacts.Dataset("rev")
    prepare.prepare(begun)
    more = [(f"more text {count}", str(count % 2)) for count in range(60)]
    for aside, said in (("neutral", NOTHING_SAID), ("7", Request({}, neutral="7"))):
        path = table(tmp_path / f"{aside}.csv", [*more, ("neither", aside)])
        importing.import_file(str(path), name="rev-r2", request=said, extends=provenance.load(begun))
        found = provenance.load(artifacts.Dataset("rev-r2"))
        assert (found.labels, found.ignored_labels) == ({"negative": "1", "positive": "0"}, [aside])


def test_what_is_said_to_be_neutral_is_no_class_whatever_is_known(old, tmp_path):
    rows = [(f"summer text {count}", "014"[count % 3]) for count in range(90)]
    path = table(tmp_path / "new.csv", rows)
    request = Request({}, neutral="4")
    importing.import_file(str(path), name="sentiment140-r2", request=request, extends=provenance.load(old))
    found = provenance.load(artifacts.Dataset("sentiment140-r2"))
    assert (found.labels, found.ignored_labels) == ({"negative": "0", "positive": "1"}, ["4"])


def test_columns_and_labels_of_every_earlier_file_are_known(old, tmp_path):
    first = [(f"first text {count}", ("bad", "good")[count % 2]) for count in range(100)]
    said = Request({"text": "review", "label": "verdict"}, negative="bad", positive="good")
    path = table(tmp_path / "first.csv", first, columns=("review", "verdict"))
    importing.import_file(str(path), name="rev", request=said)
    begun = artifacts.Dataset("rev")
    prepare.prepare(begun)
    second, _ = extend(begun, table(tmp_path / "june.csv", new_rows(60, about="june")))  # text, label; 0 and 4
    july = [(f"july text {count}", ("bad", "good")[count % 2]) for count in range(60)]
    third, _ = extend(second, table(tmp_path / "july.csv", july, columns=("review", "verdict")))
    found = provenance.load(third)
    assert (found.columns["text"], found.columns["label"]) == ("review", "verdict")
    assert found.labels == {"negative": "bad", "positive": "good"}


def test_one_value_for_each_class_is_asked_for_where_several_are_named(old, tmp_path):
    path = table(tmp_path / "stars.csv", [(f"text {count}", str(1 + count % 5)) for count in range(50)])
    with pytest.raises(SourceError, match="NEGATIVE=1,2: a data set has one value for each class"):
        importing.import_file(str(path), name="rev", request=Request({}, negative="1,2", positive="4,5", neutral="3"))


@pytest.mark.parametrize(("negative", "positive"), [(5_400, 4_600), (4_960, 5_040)])
def test_no_prefix_strays_from_the_classes_by_more_than_the_audit_allows(negative, positive):
    labels = (splitting.interleave(negative, positive) >= negative).astype(np.int8)
    assert audit.prefix_drift(labels) <= 1

"""Data sets derived from another one: the same raw file, other test rows."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts
from pipelines.dataset import audit, derived, division, importing, lineage, prepare, provenance, sources
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import SourceError


@pytest.fixture
def reviews(data_folder, tmp_path):
    """Own texts with dates and users: 30 days, 20 rows a day, some texts twice and one with both labels."""
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "when", "who"])
        for number in range(600):
            text = ("twice said", "so so")[number % 2] if number < 8 else f"text number {number}"
            label = "pos" if text == "twice said" or (number % 3 and number >= 8) or number == 1 else "neg"
            who = f"user{number % 90}" if number % 4 else ""
            writer.writerow([text, label, f"2009-05-{number // 20 + 1:02}T10:00:00", who])
    columns = {"text": "text", "label": "label", "id": None, "date": "when", "user": "who"}
    return importing.import_file(str(path), name="reviews", request=Request(columns))


def rows_of(dataset, split):
    return pq.read_table(dataset.split(split)).to_pandas()


def test_a_derived_set_refers_to_the_raw_file_and_copies_nothing(reviews):
    found = sources.ensure("reviews-later")
    assert [path.name for path in found.raw.iterdir()] == ["source.json"]
    assert provenance.load(found).path("train") == reviews.raw / "reviews.csv"
    before = found.source.stat().st_mtime_ns
    sources.ensure("reviews-later")
    assert found.source.stat().st_mtime_ns == before
    (reviews.raw / "reviews.csv").write_text("changed")
    with pytest.raises(SourceError, match="is not what was imported"):
        sources.ensure("reviews-later")


def test_later_rows_are_later_in_the_written_splits(reviews):
    dataset = sources.ensure("reviews-later")
    manifest = prepare.prepare(dataset)
    train, validation, test = (rows_of(dataset, name) for name in ("train", "validation", "test"))
    assert train["date"].max() < validation["date"].min()
    assert validation["date"].max() < test["date"].min()
    assert test["label"].mean() == 0.5
    gone = sum(rows for _, rows in audit.steps(manifest))
    assert manifest["counts"]["read"] == gone + len(train) + len(validation) + len(test)
    assert "600 rows" not in division.in_words(manifest)
    assert manifest["held_out"]["test_until"] in division.in_words(manifest)


def test_users_of_test_rows_have_written_no_training_row(reviews):
    dataset = sources.ensure("reviews-users")
    manifest = prepare.prepare(dataset)
    users = {name: set(rows_of(dataset, name)["user"].dropna()) for name in ("train", "validation", "test")}
    assert not users["test"] & (users["train"] | users["validation"])
    assert rows_of(dataset, "test")["user"].notna().all()
    sure = manifest["held_out"]["train_rows_surely_of_others"]
    train = rows_of(dataset, "train")
    assert train["user"][:sure].notna().all()
    assert train["user"].isna().iloc[sure]


def test_the_leaky_set_keeps_repeats_and_contradictions(reviews):
    clean = prepare.prepare(reviews)
    dataset = sources.ensure("reviews-leaky")
    manifest = prepare.prepare(dataset)
    assert manifest["counts"]["kept"] == 600 > clean["counts"]["kept"]
    assert manifest["holdout"] == "leaky"
    assert audit.audit(dataset, manifest)["shared_keys"] + audit.audit(dataset, manifest)["repeated_keys"] > 0
    assert clean["repeats"]["groups"] == 2
    assert clean["repeats"]["disagreeing"] == 1


def test_a_set_without_dates_or_users_names_the_column_it_lacks(data_folder, tmp_path, capsys):
    path = tmp_path / "plain.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{'pos' if n % 2 else 'neg'}\n" for n in range(40)))
    importing.import_file(str(path), name="plain", request=Request(dict.fromkeys(provenance.ROLES)))
    with pytest.raises(SourceError, match=r"needs a column 'date', and plain has none: .* DATE=column"):
        sources.ensure("plain-later")
    with pytest.raises(SourceError, match="USER_COLUMN=column"):
        sources.ensure("plain-users")
    assert sources.siblings("plain") == ["plain-leaky"]
    assert "DATE=column" in capsys.readouterr().err
    with pytest.raises(SourceError, match="derived from plain"):
        sources.siblings("plain-leaky")


def test_a_version_with_added_rows_has_no_other_test_rows_than_its_own(reviews, tmp_path, capsys):
    prepare.prepare(reviews)
    path = tmp_path / "more.csv"
    path.write_text("review,label\n" + "".join(f"quite new {n},{'pos' if n % 2 else 'neg'}\n" for n in range(40)))
    version = lineage.following(reviews)
    said = Request({"text": "review", "label": "label"})
    importing.import_file(str(path), name=version.name, request=said, extends=provenance.load(reviews))
    assert sources.siblings(version.name) == []
    assert f"{version.name} extends reviews" in capsys.readouterr().err
    with pytest.raises(SourceError, match="extends reviews: its test rows are"):
        sources.ensure(f"{version.name}-leaky")


def test_an_own_set_with_such_a_name_stays_what_it_is(reviews, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("text,label\na,pos\nb,neg\n")
    own = importing.import_file(str(path), name="reviews-later", request=Request(dict.fromkeys(provenance.ROLES)))
    assert derived.parent_of("reviews-later") is None
    assert sources.ensure("reviews-later") == own
    assert not derived.is_derived(own)


def test_disagreement_within_repeated_texts_and_its_interval():
    from pipelines.dataset.splitting import disagreement

    found = disagreement(np.array([1, 2, 2, 4, 2]), np.array([1, 1, 2, 1, 0]))
    assert (found["groups"], found["rows"], found["disagreeing"]) == (4, 10, 2)
    assert found["rate"] == 0.2
    assert found["low"] < 0.2 < found["high"]
    assert "rate" not in disagreement(np.array([1, 3]), np.array([0, 3]))


def test_a_derived_run_is_never_the_newest_that_make_serve_takes(reviews):
    from pipelines.evaluation import summary

    for dataset in (reviews, sources.ensure("reviews-leaky")):
        run = dataset.run("100")
        artifacts.write_json(run.saved_model / "manifest.json", {})
        artifacts.write_json(run.metrics, {})
    assert summary.newest_evaluated().dataset == reviews
    assert summary.newest_evaluated("reviews-leaky").dataset.name == "reviews-leaky"

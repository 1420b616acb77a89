"""What label values mean is said in the open, guessed only where all agree, and asked for otherwise."""

from collections import Counter

import pytest

from pipelines.dataset.provenance import SourceError
from pipelines.operation import label_values


def meanings(values, *, known=None, **said):
    return label_values.meanings(Counter(dict.fromkeys(values, 2)), said=said, known=known or {}, column="mood")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0", "1"], [0, 1]),
        (["4", "0"], [1, 0]),
        (["0", "2", "4"], [0, 2, 1]),
        (["-1", "0", "1"], [0, 2, 1]),
        (["-1", "1"], [0, 1]),
        (["neg", "pos", "neu"], [0, 1, 2]),
        (["positive", "neutral", "negative"], [1, 2, 0]),
        (["false", "true"], [0, 1]),
        (["positive"], [1]),
        (["1"], [1]),
        (["4"], [1]),
    ],
)
def test_usual_values_are_understood(values, expected):
    assert meanings(values) == dict(zip(values, expected, strict=True))


def test_the_values_of_the_data_set_come_first():
    assert meanings(["0", "1"], known={"1": 0, "0": 1}) == {"0": 1, "1": 0}
    assert meanings(["0"], known={"0": 0, "4": 1}) == {"0": 0}  # of one class only, and no guess


def test_a_word_for_neutral_beside_known_values_turns_none_of_them_around():
    assert meanings(["0", "1", "neutral"], known={"1": 0, "0": 1}) == {"0": 1, "1": 0, "neutral": 2}


def test_usual_values_are_guessed_only_where_they_do_not_contradict_known_ones():
    assert meanings(["0", "1"], known={"0": 0, "2": 2, "4": 1}) == {"0": 0, "1": 1}
    with pytest.raises(SourceError, match="say what each value means"):
        meanings(["0", "1"], known={"0": 1, "9": 0})


def test_one_end_and_a_number_for_neutral_may_be_the_ends_of_another_scale():
    with pytest.raises(SourceError, match="say what each value means"):
        meanings(["0", "2"], known={"0": 0, "2": 2, "4": 1})
    assert meanings(["0", "neutral"], known={"0": 0, "4": 1}) == {"0": 0, "neutral": 2}


def test_of_several_values_a_user_says_which_are_which():
    said = {"negative": "1,2", "positive": " 5,4.0", "neutral": "3"}
    assert meanings(["1", "2", "3", "4", "5"], **said) == {"1": 0, "2": 0, "3": 2, "4": 1, "5": 1}
    assert meanings(["no", "yes, sure"], positive="yes, sure") == {"no": 0, "yes, sure": 1}
    assert meanings(["sad", "glad"], positive="GLAD") == {"sad": 0, "glad": 1}
    assert meanings(["sad", "glad", "neutral"], negative="sad") == {"sad": 0, "glad": 1, "neutral": 2}


@pytest.mark.parametrize(
    ("values", "said", "message"),
    [
        (["0"], {}, r"'mood' holds '0' \(2 rows\); say what each value means: NEGATIVE=value POSITIVE=value"),
        (["1", "2", "3"], {}, r"'1' \(2 rows\), '2' \(2 rows\), '3' \(2 rows\); say"),
        (["0", "1", "7"], {"negative": "0", "positive": "1"}, r"holds '7' \(2 rows\) beside '0' .*NEUTRAL=value"),
        (["0", "1"], {"negative": "bad"}, r"NEGATIVE=bad does not occur in column 'mood', which holds '0'"),
        (["0", "1"], {"negative": "0", "neutral": "0"}, "'0' is said to mean two things"),
        ([], {}, "'mood' holds no label"),
        ([str(number) for number in range(30)], {}, "and 22 more values"),
        (["@anna so tired", "@bob yeah"], {}, r"holds '@user so tired' \(2 rows\), '@user yeah'"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for_with_values_and_rows(values, said, message):
    with pytest.raises(SourceError, match=message):
        meanings(values, **said)

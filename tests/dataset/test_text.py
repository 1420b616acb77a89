"""Normalisation: what it does, and that both engines do the same."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dataset import text


def normalised(words: str) -> str:
    return text.normalise(pa.array([words]))[0].as_py()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("@anna I &lt;3 this!!! http://t.co/x Sooooo good", "<user> i <3 this !! <url> soo good"),
        ("rock &amp;amp; roll", "rock & roll"),
        ("it’s 10:30 and I've 1,250 mails", "it's <number> and i've <number> mails"),
        ("'quoted' don't", "quoted don't"),
        ("#fail...why?!", "# fail ... why ?!"),
        ("😀😀 no", "😀 😀 no"),
        ("a\x00b\tc\u00a0d", "a b c d"),
        ("  \n ", ""),
        ("", ""),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ],
)
def test_normalises(raw, expected):
    assert normalised(raw) == expected


def test_null_is_an_empty_text():
    assert text.normalise(pa.array([None, "x"], pa.string())).to_pylist() == ["", "x"]


def test_duplicates_share_a_key_whoever_is_addressed_and_whatever_is_linked():
    keys = text.duplicate_key(
        pa.array(["@a  Look &amp; http://x.io/1", "@b look & www.y.io/2", "look & see"])
    ).to_pylist()
    assert keys[0] == keys[1] == "<user> look & <url>"
    assert keys[2] != keys[0]


def both_engines(texts: list[str]) -> tuple[list[str], list[str]]:
    import tensorflow as tf

    in_graph = text.normalise_in_graph(tf.constant(texts, dtype=tf.string)).numpy()
    return text.normalise(pa.array(texts, pa.string())).to_pylist(), [found.decode() for found in in_graph]


@pytest.mark.parametrize("template", ["x{0}y", "A {0}{0} b"])
def test_both_engines_agree_on_every_code_point(template):
    texts = [template.format(chr(point)) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    ours, in_graph = both_engines(texts)
    assert [(raw, a, b) for raw, a, b in zip(texts, ours, in_graph, strict=True) if a != b] == []


pieces = st.one_of(
    st.text(max_size=6), st.sampled_from([*text.UGLY, "&amp;", "&lt;", "http://", "www.", "@", "'", "!!", "…", "\x00"])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_both_engines_agree_on_ugly_texts(raw):
    ours, in_graph = both_engines([raw])
    assert ours == in_graph


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_tokens_stand_between_single_spaces(raw):
    found = normalised(raw)
    assert found == " ".join(found.split())

"""Without TensorFlow a text becomes the very tokens that training saw."""

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dataset import text, tokens

pytest.importorskip("re2")

from serving.light_text import Rules, TextEncoder

RAW = Path(__file__).parents[3] / "shared" / "data" / "trainingandtestdata.zip"
VOCABULARY = ["", "[UNK]", "good", "day", "σίσυφοσ", "<user>", "!!"]
POINTS = [chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
CONTEXTS = "{0} z 1{0}2 z '{0}' z @{0} z .{0}! z {0}{0}{0}"


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    data = json.loads(json.dumps(text.rules_as_data())) | {"sequence_length": 3, "unknown_id": tokens.UNKNOWN_ID}
    return TextEncoder(Rules.model_validate(data), [word.encode() for word in VOCABULARY])


def differing(encoder: TextEncoder, texts: list[str]) -> list[tuple]:
    normalised = text.normalise(pa.array(texts, pa.string())).to_pylist()
    found = ((raw, ours.split(" "), encoder.tokens(raw)) for raw, ours in zip(texts, normalised, strict=True))
    return [(raw, ours) for raw, ours, theirs in found if [token.encode() for token in ours if token] != theirs]


def test_every_code_point_gives_the_same_tokens(encoder):
    inside = list(map("x{0}y A {0}{0} b".format, POINTS))
    assert differing(encoder, [" z ".join(inside[start : start + 64]) for start in range(0, len(POINTS), 64)])[:1] == []


def test_every_code_point_that_is_changed_gives_the_same_tokens_alone_and_among_signs(encoder):
    normalised = text.normalise(pa.array(POINTS)).to_pylist()
    changed = [point for point, found in zip(POINTS, normalised, strict=True) if found != point]
    assert len(changed) > 4_000
    assert differing(encoder, changed + list(map(CONTEXTS.format, changed))) == []


pieces = st.one_of(
    st.text(max_size=6), st.sampled_from([*text.UGLY, "&amp;", "&lt;", "http://", "www.", "@", "'", "!!", "…", "\x00"])
)


@settings(max_examples=500, deadline=None)
@given(raw=st.lists(pieces, max_size=12).map("".join))
def test_ugly_texts_give_the_same_tokens(encoder, raw):
    assert differing(encoder, [raw]) == []


def test_real_tweets_give_the_same_tokens(encoder):
    if not RAW.exists():
        pytest.skip(f"no {RAW.name} in ../shared/data")
    with zipfile.ZipFile(RAW) as archive, archive.open("training.1600000.processed.noemoticon.csv") as file:
        texts = [line.decode("latin-1").split('","')[5][:-3] for _, line in zip(range(20_000), file, strict=False)]
    assert differing(encoder, texts) == []


@pytest.mark.parametrize("raw", ["", " ", "good", "GOOD day", "ΣΊΣΥΦΟΣ !!!!", "good day good day", "@x http://y [UNK]"])
def test_ids_are_those_of_the_encoded_rows(encoder, raw):
    ids, lengths = tokens.Encoder(VOCABULARY, sequence_length=3).encode(pa.array([raw]))
    encoded = encoder.encode(raw)
    assert encoded.ids == ids.tolist()
    assert len(encoded.ids) == lengths[0]
    assert encoded.truncated == (raw == "good day good day" or raw == "@x http://y [UNK]")

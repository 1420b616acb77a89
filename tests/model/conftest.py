"""A small run with encoded rows, for tests of training and export."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import count_tokens, fit_vocabulary, write_vocabulary

SEQUENCE_LENGTH = 12


def invented(rows: int, *, seed: int) -> pa.Table:
    """Texts whose mood shows, in the layout of a split."""
    import random

    draw = random.Random(seed)
    moods = (["sad", "late", "broken", "tired"], ["happy", "great", "love", "sunny"])
    filler = ["the", "a", "my", "today", "train", "coffee", "and", "phone", "is", "was", "with", "of", "so"]
    texts, labels = [], []
    for row in range(rows):
        words = draw.choices(filler, k=draw.randint(0, 14)) + draw.choices(moods[row % 2], k=draw.randint(1, 2))
        draw.shuffle(words)
        texts.append(" ".join(words))
        labels.append(row % 2)
    return pa.table({"row": range(rows), "text": texts, "label": pa.array(labels, pa.int8())})


@pytest.fixture(scope="session")
def encoded_run(tmp_path_factory):
    """A factory of runs that are ready to be trained: name → artifacts.Run."""
    folder = tmp_path_factory.mktemp("data")
    patch = pytest.MonkeyPatch()
    patch.setenv("DATA_FOLDER", str(folder))
    dataset = artifacts.Dataset("invented")
    dataset.splits.mkdir(parents=True)
    pq.write_table(invented(600, seed=1), dataset.split("train"))
    pq.write_table(invented(200, seed=2), dataset.split("validation"))

    def make(name: str) -> artifacts.Run:
        run = dataset.run(name)
        vocabulary = fit_vocabulary(count_tokens(dataset.split("train")), maximum_size=100)
        write_vocabulary(vocabulary, run.vocabulary)
        encoder = tokens.Encoder(vocabulary, sequence_length=SEQUENCE_LENGTH)
        for split in ("train", "validation"):
            tokens.encode_split(dataset.split(split), run.encoded(split), encoder=encoder)
        return run

    yield make
    patch.undo()

from collections import Counter

import matplotlib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts, figures
from pipelines.dataset import examples, explore, prepare, telling_words
from pipelines.figures import dataset as preparation_plots
from pipelines.figures import exploration as plots
from pipelines.figures import words

matplotlib.use("agg")


@pytest.fixture
def counted(tiny):
    manifest = prepare.prepare(tiny)
    path = tiny.split("train")
    return explore.profile(path, size=explore.rows_to_read(path, "all")), manifest, tiny


def profile_of(texts, labels, *, dates=None, users=None):
    rows = len(texts)
    columns = {
        "id": pa.nulls(rows, pa.string()),
        "date": pa.array(dates or [None] * rows, pa.timestamp("s")),
        "user": pa.array(users or [None] * rows, pa.string()),
        "text": pa.array(texts),
        "label": pa.array(labels, pa.int8()),
    }
    counted = explore.Profile()
    counted.add(pa.RecordBatch.from_pydict(columns))
    return counted


def test_every_row_is_counted_once(counted):
    profile, manifest, _ = counted
    assert profile.rows.tolist() == manifest["class_balance"]["train"]
    assert profile.characters.sum() == profile.words.sum() == manifest["counts"]["train"]
    assert profile.known["user"] == manifest["counts"]["train"]
    assert sum(map(Counter.total, profile.days)) == profile.known["date"] < manifest["counts"]["train"]


def test_a_prefix_can_be_asked_for_and_more_than_there_is_is_an_error(counted):
    path = counted[2].split("train")
    assert explore.profile(path, size=10).rows.tolist() == [5, 5]
    with pytest.raises(ValueError, match=r"size 100000: train.parquet has \d+ rows"):
        explore.rows_to_read(path, 100_000)


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("hi @bob", {"mention of a user"}),
        ("see http://t.co/x", {"web address"}),
        ("WWW.x.org", {"web address", "word in capitals"}),
        ("so #happy", {"hashtag"}),
        ("it&#39;s &amp; on", {"HTML entity"}),
        ("&quot;Done", {"HTML entity"}),
        ("what?!", {"question mark", "exclamation mark"}),
        ("sooo", {"letter drawn out"}),
        ("nice :-)", {"smiling emoticon"}),
        ("oh :(", {"frowning emoticon"}),
        ("café", {"beyond ASCII"}),
        ("plain (really) text 12)", set()),
    ],
)
def test_features_are_found_where_they_are_and_nowhere_else(text, features):
    found = profile_of([text], [1]).features
    assert {name for name, counts in found.items() if counts[1]} == features
    assert not any(counts[0] for counts in found.values())


def test_days_with_one_class_only_are_found_and_days_without_rows_are_not():
    dates = pd.to_datetime(["2009-06-01", "2009-06-01", "2009-06-03"]).to_pydatetime().tolist()
    by_day = explore.balance_by_day(profile_of(["a", "b", "c"], [0, 1, 0], dates=dates).days)
    assert by_day.to_numpy().tolist() == [[1, 1], [0, 0], [1, 0]]
    assert [day.day for day in explore.one_class_days(by_day).index] == [3]


def test_quantiles_are_those_of_the_rows():
    lengths = np.random.default_rng(0).integers(0, 50, 1001)
    expected = np.quantile(lengths, [0.05, 0.5, 0.95, 1], method="inverted_cdf")
    assert explore.quantiles(np.bincount(lengths, minlength=60)) == expected.tolist()


def test_users_are_counted_by_how_much_they_wrote():
    number = explore.rows_per_user(Counter({"a": 1, "b": 1, "c": 5}))
    assert number.to_dict() == {1: 2, 5: 1}


def test_log_odds_are_those_of_the_paper_worked_by_hand():
    negative, positive = Counter(good=2, bad=18, day=80), Counter(good=30, bad=5, day=165)
    table = telling_words.log_odds(negative, positive, prior_tokens=30, minimum_count=1).set_index("word")
    # good: prior 30 * 32 / 300 = 3.2
    expected = np.log((30 + 3.2) / (200 + 30 - 33.2)) - np.log((2 + 3.2) / (100 + 30 - 5.2))
    assert table.loc["good", "log_odds"] == pytest.approx(expected)
    assert table.loc["good", "z"] == pytest.approx(expected / np.sqrt(1 / 33.2 + 1 / 5.2))
    assert table.index[0] == "bad"
    assert telling_words.most_telling(table.reset_index(), 1)["positive"]["word"].tolist() == ["good"]


def test_swapping_the_classes_turns_the_sign_and_the_prior_tames_rare_words():
    negative, positive = Counter(a=50, b=50, rare=0), Counter(a=60, b=40, rare=3)
    options = {"prior_tokens": 100, "minimum_count": 1}
    there = telling_words.log_odds(negative, positive, **options).set_index("word")["z"]
    back = telling_words.log_odds(positive, negative, **options).set_index("word")["z"]
    assert there.to_dict() == pytest.approx((-back).to_dict())
    assert abs(there["rare"]) < 1.96
    with pytest.raises(ValueError, match="both classes are needed"):
        telling_words.log_odds(Counter(), positive)


def test_examples_are_of_the_right_class_and_mask_names(counted):
    table = examples.by_feature(counted[2].split("train"), explore.FEATURES)
    assert table.loc["mention of a user", "positive"].startswith("@user ")
    assert table.loc["web address", "negative"] == "–"
    assert not table.map(lambda text: "@friend" in text).to_numpy().any()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@anna_99 hi @BOB!", "@user hi @user!"),
        ("mail joe.smith+x@mail.web.de, please.", "mail @user, please."),
        ("jürgen@müller.de @jürgen", "@user @user"),
        (".@anna @a@b", ".@user @user@user"),
        ("＠anna &#64;bob &#x40;eve &#064;joe", "@user @user @user @user"),
        ("8 @ home", "8 @ home"),
    ],
)
def test_names_and_whole_addresses_are_masked(text, shown):
    assert examples.mask_names(pa.array([text])) == [shown]


def test_examples_of_other_alphabets_hold_a_sign_beyond_latin_1(data_folder):
    dataset = artifacts.Dataset("x")
    dataset.splits.mkdir(parents=True)
    texts = ["plain", "crème", "lost �", "♫ by @bob", "п�?ивет"]
    pq.write_table(pa.table({"text": texts}), dataset.split("train"))
    assert examples.beyond_latin(dataset) == ["♫ by @user", "п�?ивет"]
    assert examples.beyond_latin(dataset, 1) == ["♫ by @user"]


def test_the_summary_is_plain_and_holds_no_names(counted):
    profile, manifest, _ = counted
    table = telling_words.log_odds(*profile.tokens)
    summary = explore.summary(profile, telling=telling_words.most_telling(table, 5), manifest=manifest)
    assert summary["rows"] == manifest["counts"]["train"]
    assert summary["users"]["number"] == 7
    assert "user3" not in str(summary)
    found = {row["word"] for row in summary["telling_words"]["positive"]}
    assert found <= {"love", "great", "happy", "thanks", "awesome"}


def test_every_figure_can_be_drawn_also_from_little(counted, tmp_path):
    profile, manifest, _ = counted
    poor = profile_of(["bad thing"] * 3 + ["good thing"] * 9, [0] * 3 + [1] * 9)
    for number, some in enumerate((profile, poor)):
        table = telling_words.log_odds(*some.tokens, minimum_count=1)
        by_day = explore.balance_by_day(some.days)
        drawn = [
            plots.known_columns(dict(some.known), int(some.rows.sum())),
            plots.lengths(some.characters, some.words),
            plots.feature_shares(explore.feature_shares(some)),
            words.telling_words(table, telling_words.most_telling(table, 20)),
            preparation_plots.row_fates([("neutral", 0), ("repeats", number)], manifest["class_balance"]),
            preparation_plots.largest_groups(manifest["largest_groups"][: number * 5]),
            *([plots.balance_over_time(by_day, explore.one_class_days(by_day))] if len(by_day) else []),
            *([plots.texts_by_user(explore.rows_per_user(some.users))] if some.users else []),
        ]
        for place, figure in enumerate(drawn):
            assert figure.axes[0].get_title() + figure.axes[0].get_title(loc="left")
            figures.save(figure, tmp_path / f"{number}-{place}.png")
            matplotlib.pyplot.close(figure)
        assert len(drawn) == (8, 6)[number]

import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_data
import web

from pipelines import artifacts
from pipelines.dataset import importing, prepare, provenance
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import SourceError
from pipelines.dataset.remote import DownloadError

REVIEWS = [("fine" if n % 2 else "poor", f"{'good' if n % 2 else 'bad'} book number {n}", n) for n in range(60)]
CSV = "verdict,review,number\n" + "".join(f'{verdict},"{text}",{n}\n' for verdict, text, n in REVIEWS)


def bring(path, name="reviews", negative=None, positive=None, neutral=None, **columns):
    return importing.import_file(str(path), name=name, request=Request(columns, negative, positive, neutral))


def bring_csv(tmp_path, content, **given):
    path = tmp_path / "reviews.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return bring(path, **({"text": "review", "label": "verdict"} | given))


@pytest.mark.parametrize("wrapping", ["official zip", "zip of one CSV", "CSV", "gzipped CSV"])
def test_sentiment140_comes_in_any_wrapping(data_folder, tmp_path, wrapping):
    path = tmp_path / "given.csv"
    if wrapping == "gzipped CSV":
        path = tmp_path / "given.csv.gz"
        path.write_bytes(gzip.compress(tiny_data.training_csv()))
    elif wrapping == "CSV":
        path.write_bytes(tiny_data.training_csv())
    else:
        path = tiny_data.write_zip(tmp_path / "given.zip", manual=wrapping == "official zip")
    dataset = bring(path, name=None)
    source = provenance.load(dataset)
    assert (dataset.name, source.kind, source.origin) == ("sentiment140", "sentiment140", path.name)
    assert source.path("train").read_bytes() == tiny_data.training_csv()
    assert ("manual" in source.files) == (wrapping == "official zip")
    assert source.sha256 == artifacts.sha256(path)


def test_an_address_is_fetched(data_folder, tmp_path):
    body = tiny_data.write_zip(tmp_path / "x.zip").read_bytes()
    with web.serving(web.broken_off(1000, body), web.resumable(body)) as server:
        dataset = importing.import_file(server.url, name=None, request=Request({}))
        assert provenance.load(dataset).origin == server.url
    assert [path.name for path in dataset.folder.iterdir() if path.is_dir()] == ["raw"]
    with web.serving(web.status(404)) as server, pytest.raises(DownloadError, match="404"):
        importing.import_file(server.url, name=None, request=Request({}))


@pytest.mark.parametrize("format", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
def test_own_texts_come_in_any_format_and_are_prepared(data_folder, tmp_path, format):
    path = tmp_path / f"reviews.{format}"
    if format == "parquet":
        verdicts, texts, numbers = zip(*REVIEWS, strict=True)
        pq.write_table(pa.table({"verdict": verdicts, "review": texts, "number": numbers}), path)
    elif format == "jsonl":
        lines = (json.dumps({"verdict": verdict, "review": text, "number": n}) for verdict, text, n in REVIEWS)
        path.write_text("\n".join(lines))
    elif format == "csv.gz":
        path.write_bytes(gzip.compress(CSV.encode()))
    else:
        path.write_text(CSV.replace(",", "\t") if format == "tsv" else CSV)
    dataset = bring(path, text="review", label="verdict", id="number", negative="Poor")
    assert provenance.load(dataset).labels == {"negative": "poor", "positive": "fine"}
    counts = prepare.prepare(dataset)["counts"]
    assert (counts["read"], counts["train"], counts["test"]) == (60, 48, 6)
    row = pq.read_table(dataset.split("test")).to_pylist()[0]
    assert REVIEWS[int(row["id"])] == ("fine" if row["label"] else "poor", row["text"], row["row"])


@pytest.mark.parametrize(
    ("low", "high"), [("negative", "Positive"), ("neg", "POS"), ("0", "1"), ("0", "4"), ("-1", "+1"), ("no", "yes"),
                      ("false", "TRUE"), ("0.0", "1.0"), ("bad", "good")]
)  # fmt: skip
def test_well_known_labels_need_no_mapping(data_folder, tmp_path, low, high, capsys):
    content = "text,label\n" + "".join(f"text {n},{high if n % 2 else low}\n" for n in range(4))
    dataset = bring_csv(tmp_path, content, text=None, label="label")
    labels = provenance.load(dataset).labels
    assert labels["negative"] in low.lower()
    assert f"{labels['negative']!r} → negative, {labels['positive']!r} → positive" in capsys.readouterr().err


def test_a_mapping_may_turn_the_usual_one_round(data_folder, tmp_path):
    content = "review,verdict\na,1\nb,0\n"
    assert provenance.load(bring_csv(tmp_path, content, positive="0")).labels == {"negative": "1", "positive": "0"}


@pytest.mark.parametrize(
    ("values", "given", "set_aside"),
    [
        (["neg", "Neutral", "pos"], {}, ["neutral"]),
        (["neg", "neu", "pos"], {"neutral": "NEU"}, ["neu"]),
        (["1", "2.0", "3", "5"], {"neutral": "2,3", "negative": "1"}, ["2", "3"]),
        (["neutral", "glad"], {"negative": "neutral"}, []),
        (["neutral", "glad", "odd"], {"negative": "neutral", "neutral": "odd"}, ["odd"]),
    ],
)
def test_neutral_rows_are_set_aside(data_folder, tmp_path, values, given, set_aside, capsys):
    content = "review,verdict\n" + "".join(f"text {n},{values[n % len(values)]}\n" for n in range(60))
    dataset = bring_csv(tmp_path, content, **given)
    assert provenance.load(dataset).ignored_labels == set_aside
    assert all(f"{value!r} → set aside" in capsys.readouterr().err for value in set_aside[:1])
    counts = prepare.prepare(dataset)["counts"]
    assert (counts["neutral"], counts["rejected"]) == (60 * len(set_aside) // len(values), 0)


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        (CSV, {}, r"'poor' \(30 rows\), 'fine' \(30 rows\); say which is which: NEGATIVE=… POSITIVE=…"),
        (CSV, {"negative": "awful"}, r"NEGATIVE=awful does not occur .* 'poor' \(30 rows\)"),
        (CSV, {"negative": "poor", "positive": "Poor "}, r"NEGATIVE and POSITIVE are both 'poor'"),
        (CSV, {"negative": "poor", "neutral": "fine,poor"}, r"NEGATIVE and NEUTRAL are both 'poor'"),
        (CSV, {"neutral": "poor,odd"}, r"NEUTRAL=odd does not occur .* 'poor' \(30 rows\)"),
        (CSV, {"neutral": "poor"}, r"1 label: 'fine' \(30 rows\); two are needed: NEUTRAL=value"),
        (CSV, {"label": "verdikt"}, r"no column 'verdikt'; did you mean 'verdict'\? .* say LABEL=column"),
        (CSV, {"text": "body"}, r"no column 'body'\. It has 'verdict', 'review', 'number': say TEXT=column"),
        (CSV, {"user": "author"}, r"no column 'author'.*USER_COLUMN=column"),
        (CSV, {"label": "number"}, r"60 labels: '0' \(1 rows\).* and 52 more; two are needed"),
        ("review,verdict\na,1\nb,1\n", {}, r"1 label: '1' \(2 rows\); two are needed"),
        ("review,verdict\na,1\nb,2\nc,3\n", {"negative": "1", "positive": "3"}, r"3 labels: '1' \(1 rows\), '2'"),
        ("review,verdict\na,\nb,\n", {}, r"holds no label"),
        ("review,verdict\n", {}, r"holds no label"),
        ("review,review,verdict\na,b,1\n", {}, r"2 columns named 'review'"),
        ("\n\n", {}, r"no column 'review'\. It has none"),
        ("review,verdict\nd\xe9j\xe0 vu,1\n".encode("latin-1"), {}, r"not UTF-8: byte 0xe9 in line 2 .*déjà.*iconv -f"),
        ("review,verdict\nok,1\n".encode("utf-16"), {}, r"is UTF-16; make it UTF-8: iconv -f UTF-16"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_way_out(data_folder, tmp_path, content, given, message):
    with pytest.raises(SourceError, match=message):
        bring_csv(tmp_path, content, **given)
    assert provenance.existing() == []
    assert not list(data_folder.glob("reviews/*/"))


def test_records_that_lack_what_others_have_are_read(data_folder, tmp_path):
    lines = ["no record", '{"review": "of no label", "date": null}', '{"review": "of NaN", "verdict": NaN}']
    lines += [json.dumps({"verdict": verdict, "review": text}) for verdict, text, _ in REVIEWS]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    dataset = bring(tmp_path / "x.jsonl", text="review", label="verdict", date="date", negative="poor")
    counts = prepare.prepare(dataset)["counts"]
    assert (counts["read"], counts["rejected"], counts["kept"]) == (63, 3, 60)


def test_broken_empty_and_foreign_files_are_named(data_folder, tmp_path, tiny_zip):
    def refused(file_name, content, message, **given):
        (tmp_path / file_name).write_bytes(content)
        with pytest.raises(SourceError, match=message):
            bring(tmp_path / file_name, **given)

    cut = tiny_zip.read_bytes()[:-400]
    refused("cut.zip", cut, r"cut\.zip is a broken zip", name=None)
    refused(
        "flipped.zip",
        bytes(b ^ 255 if 900 < n < 1200 else b for n, b in enumerate(tiny_zip.read_bytes())),
        r"flipped\.zip is a broken zip",
        name=None,
    )
    refused("cut.csv.gz", gzip.compress(tiny_data.training_csv())[:-30], r"broken gzip", name=None)
    refused("x.parquet", b"PAR1 and no more", r"broken Parquet", text="a", label="b")
    refused("empty.csv", b"", r"empty \(0 bytes\)", name=None)
    refused("empty.csv.gz", gzip.compress(b""), r"is empty", name=None)
    open_quote = b'id,"text,label\n' + b"1,fine,4\n" * 20_000  # longer than the longest field that there may be
    refused("quote.csv", open_quote, r"quote\.csv: its first line cannot be read .*a quote left open", text="text")
    refused("own.csv", CSV.encode(), r"own\.csv has not the layout of Sentiment140.*NAME=… TEXT=column", name=None)
    refused(
        "x.jsonl", b"not json\n", r"none of its lines is a JSON object; the first one: 'not json", text="a", label="b"
    )
    refused("x.docx.txt", b"hello", r"ends in \.csv, \.tsv", text="a", label="b")
    with pytest.raises(SourceError, match="no file"):
        bring(tmp_path / "nowhere.csv")
    with pytest.raises(SourceError, match="is no file"):
        bring(tmp_path)
    assert provenance.existing() == []


def test_a_zip_of_other_files_is_refused_with_their_names(data_folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    with pytest.raises(SourceError, match=r"x\.zip holds a\.csv, b\.csv; expected Sentiment140's training CSV"):
        bring(tmp_path / "x.zip", name=None)


def test_names_that_mean_something_else_are_refused(data_folder, tmp_path):
    for name in (None, "sentiment140"):
        with pytest.raises(SourceError, match="NAME of its own"):
            bring_csv(tmp_path, CSV, name=name)
    with pytest.raises(SourceError, match="embedded data set"):
        bring_csv(tmp_path, CSV, name="sample")
    with pytest.raises(ValueError, match="use letters"):
        bring_csv(tmp_path, CSV, name="../up")


def test_a_failed_import_leaves_the_older_data_set_as_it_was(tiny, tmp_path):
    before = {path.name: path.read_bytes() for path in tiny.raw.iterdir()}
    (tmp_path / "other.csv").write_text(CSV)
    with pytest.raises(SourceError, match="layout"):
        bring(tmp_path / "other.csv", name=None)
    assert {path.name: path.read_bytes() for path in tiny.raw.iterdir()} == before
    assert not list(tiny.folder.glob(".raw-*"))


def test_importing_the_same_file_again_changes_nothing(tiny, tiny_zip):
    before = tiny.source.stat()
    bring(tiny_zip, name=None)
    after = tiny.source.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)

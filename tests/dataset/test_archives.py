import pytest
import tiny_data

from pipelines.dataset import archives

ROWS = b"0,1467,Mon,NO_QUERY,anna,bad day\n4,1468,Mon,NO_QUERY,bob,good day\n"


@pytest.mark.parametrize(
    ("content", "official"),
    [
        (tiny_data.training_csv(40), True),
        (tiny_data.manual_csv(), True),
        (b"\xef\xbb\xbf" + ROWS * 2, True),
        (b'"0","a first row of two fields"\n' + ROWS * 2, True),
        (b"7,1466,Mon,NO_QUERY,eve,a strange label\n" + ROWS * 2, True),
        (ROWS.replace(b"1467", b"1.467E+09").replace(b"1468", b""), True),
        (b"target,ids,date,flag,user,text\n" + ROWS * 9, False),
        (b"id,label,date,flag,user,text\n" + ROWS * 9, False),
        (b"stars,tweet,city,lang,device,app\n" + b"0,bad day,Bonn,en,tv,web\n4,good day,Bonn,en,tv,web\n" * 9, False),
        (b"text,label\nbad day,0\n", False),
        (b"\n\n", False),
    ],
)  # fmt: skip
def test_sentiment140_s_layout_is_known_by_its_rows_and_has_no_header(tmp_path, content, official):
    (tmp_path / "x.csv").write_bytes(content)
    assert archives.is_official(tmp_path / "x.csv") is official

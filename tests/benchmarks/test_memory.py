"""The benchmark of memory: longer inputs, and every part on them, in this process and on tiny data."""

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import memory
from pipelines import artifacts


def test_a_raw_file_is_repeated_under_new_ids(tiny, tmp_path):
    raw = next(tiny.raw.glob("training.*.csv"))
    lines = raw.read_bytes().splitlines()
    memory.repeat_raw(raw, tmp_path / "longer.csv", times=3)
    longer = (tmp_path / "longer.csv").read_bytes().splitlines()
    assert len(longer) == 3 * len(lines)
    known = [line for line in longer if memory.ID.match(line)]
    assert len(known) > len(lines)
    ids = [line.split(b'","')[1] for line in known]
    assert len(set(ids)) == 3 * len({line.split(b'","')[1] for line in lines if memory.ID.match(line)})
    assert [line.split(b'","', 2)[2] for line in known[: len(known) // 3]] == [
        line.split(b'","', 2)[2] for line in lines if memory.ID.match(line)
    ]


def test_every_part_takes_all_rows_of_a_longer_split(tiny, monkeypatch):
    monkeypatch.setattr(memory, "STEPS", 2)
    read = memory.measured("prepare")
    assert read["rows"] > 0
    before = pq.read_table(tiny.split("train"))
    assert memory.repeat_split(tiny.split("train"), times=3) == 3 * len(before)
    longer = pq.read_table(tiny.split("train"))
    assert longer["text"].to_pylist() == 3 * before["text"].to_pylist()
    assert len(set(longer["row"].to_pylist())) == len(longer)
    for part in ("vectors", "encode", "train"):
        found = memory.measured(part)
        assert found["rows"] == len(longer)
        assert 20 < found["own_mb"] < found["memory_mb"]


def test_the_page_says_what_grows():
    once = [{"part": "encode", "rows": 1_000_000, "memory_mb": 400.0, "own_mb": 300.0, "seconds": 1.0}]
    longer = [{"part": "encode", "rows": 10_000_000, "memory_mb": 790.0, "own_mb": 390.0, "seconds": 9.0}]
    text = memory.page(once, longer, times=10, command="python -m benchmarks.memory")
    assert "| encode | 1,000,000 | 400 | 300 | 10,000,000 | 790 | 390 | 10 |" in text


def test_one_time_is_nothing_to_compare_with(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["memory", "--times", "1"])
    with pytest.raises(SystemExit):
        memory.arguments()
    assert "--times 1: at least 2" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process's own peak")
def test_the_peak_of_a_process_is_not_that_of_its_parent():
    held = np.ones(60_000_000)  # 480 MB
    code = "from benchmarks import machine; print(machine.peak_memory())"
    told = float(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=artifacts.ROOT))
    assert 10 < told < held.nbytes / 2**20

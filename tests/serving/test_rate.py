import multiprocessing
import os
import subprocess
import sys
import time

import pytest
from conftest import assert_problem

from serving import rate
from serving.rate import Table


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is told otherwise."""
    now = [1000.0]
    monkeypatch.setattr(rate.time, "monotonic", lambda: now[0])
    return now


def test_a_client_has_its_minute_at_once_and_then_one_token_after_another(clock):
    table = Table()
    assert [table.take("a", per_minute=3) for _ in range(3)] == [0, 0, 0]
    assert table.take("a", per_minute=3) == pytest.approx(20)
    clock[0] += 19
    assert table.take("a", per_minute=3) == pytest.approx(1)
    clock[0] += 1
    assert table.take("a", per_minute=3) == 0
    assert table.take("a", per_minute=3) == pytest.approx(20)
    clock[0] += 600  # rest earns a minute's worth, no more
    assert [table.take("a", per_minute=3) > 0 for _ in range(4)] == [False, False, False, True]


def test_clients_do_not_share_a_bucket(clock):
    table = Table()
    for client in ("a", "b", "c"):
        assert table.take(client, per_minute=1) == 0
        assert table.take(client, per_minute=1) > 0


def test_a_full_table_forgets_the_client_that_it_limits_least(clock):
    table = Table(stretches=1)  # eight clients
    for _ in range(5):
        table.take("busy", per_minute=5)
    for number in range(100):
        assert table.take(f"other-{number}", per_minute=5) == 0
    assert table.take("busy", per_minute=5) > 0


def _take_many(table, together, taken):
    together.wait()
    taken.put(sum(table.take("a", per_minute=100) == 0 for _ in range(500)))


def test_processes_that_take_at_the_same_time_take_each_token_once():
    fork = multiprocessing.get_context("fork")
    table, together, taken = Table(), fork.Barrier(4), fork.Queue()
    started = time.monotonic()
    processes = [fork.Process(target=_take_many, args=(table, together, taken)) for _ in range(4)]
    for process in processes:
        process.start()
    total = sum(taken.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    refill = (time.monotonic() - started) * 100 / 60
    assert 100 <= total <= 101 + refill


FILLS_ITS_DISK = """
import contextlib, tempfile
from serving.rate import Table
table = Table()
with tempfile.TemporaryFile(buffering=0) as file:
    with contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    print(table.take("a", per_minute=1))
"""


def test_without_a_place_for_temporary_files_there_is_a_table(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    assert Table().take("client", per_minute=1) == 0


def test_a_disk_that_fills_up_harms_no_process(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("a full disk needs the right to mount one of 64 kB")
    try:
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        ended = subprocess.run([sys.executable, "-c", FILLS_ITS_DISK], env=environment, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout) == (0, "0.0\n"), ended.stderr
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_what_one_client_can_change_of_its_address_does_not_count(address, key):
    assert rate.client_key(address) == key


def test_past_the_limit_a_client_hears_which_one_and_when_to_come_back(make_client):
    client = make_client(rate_limit=2)
    assert [client.get("/predict?text=x").status_code for _ in range(2)] == [200, 200]
    answer = client.get("/predict?text=x")
    assert assert_problem(answer, 429, "rate-limited")["rate_limit"] == 2
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/predict?text=x", environ_overrides=elsewhere).status_code == 200


def test_neither_another_key_nor_another_header_makes_another_client(make_client):
    client = make_client(rate_limit=1, api_key="key")
    forged = [{"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.2"}, {"X-Real-IP": "192.0.2.3"}]
    client.get("/predict?text=x")
    for headers in (*forged, {"Authorization": "Bearer key"}, {"X-Request-ID": "other"}):
        assert client.get("/predict?text=x", headers=headers).status_code == 429


def test_those_who_watch_the_service_and_its_default_have_no_limit(make_client):
    limited, unlimited = make_client(rate_limit=1), make_client()
    for _ in range(3):
        assert {limited.get(path).status_code for path in ("/livez", "/readyz", "/metrics")} == {200}
        assert unlimited.get("/predict?text=x").status_code == 200
    assert limited.get("/predict?text=x").status_code == 200
    assert limited.get("/nowhere").status_code == 429

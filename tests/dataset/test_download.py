import socket

import pytest
import web

from pipelines.dataset import download, remote
from pipelines.dataset.remote import DownloadError, Remote


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "file.zip"


def fetch(server, target, **known):
    known = {"bytes": len(web.BODY), "sha256": web.sha256()} | known
    download.download(Remote(server.url, **known), target, pause_seconds=0.01)


def test_a_file_arrives_whole_and_nothing_else_is_left(target):
    with web.serving(web.whole()) as server:
        fetch(server, target)
    assert target.read_bytes() == web.BODY
    assert [path.name for path in target.parent.iterdir()] == ["file.zip"]


def test_a_broken_download_goes_on_from_where_it_stopped(target):
    with web.serving(web.broken_off(300_000), web.broken_off(300_000), web.resumable()) as server:
        fetch(server, target)
        ranges = [request.get("Range") for request in server.requests]
    assert target.read_bytes() == web.BODY
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]


def test_a_later_process_goes_on_from_what_an_earlier_one_left(target, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with web.serving(web.broken_off(300_000), web.resumable()) as server:
        with pytest.raises(DownloadError, match=r"broke off at 300,000 of 1,024,000 bytes.*goes on from there"):
            fetch(server, target)
        assert not target.exists()
        fetch(server, target)
        assert server.requests[1]["Range"] == "bytes=300000-"
    assert target.read_bytes() == web.BODY


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(target):
    with web.serving(web.broken_off(300_000), web.whole()) as server:
        fetch(server, target)
        assert server.requests[1]["Range"] == "bytes=300000-"
    assert target.read_bytes() == web.BODY


def test_a_file_that_changed_meanwhile_is_read_from_the_beginning(target):
    with web.serving(web.broken_off(300_000, web.BODY[::-1], '"old"'), web.resumable()) as server:
        fetch(server, target)
        assert server.requests[1]["If-Range"] == '"old"'
    assert target.read_bytes() == web.BODY


def test_a_part_that_the_server_refuses_to_go_on_from_is_dropped(target):
    with web.serving(web.broken_off(300_000), web.status(416), web.whole()) as server:
        fetch(server, target)
    assert target.read_bytes() == web.BODY


def test_a_server_that_never_gets_further_is_given_up_after_five_attempts(target):
    with web.serving(web.broken_off(300_000), web.broken_off(0)) as server:
        with pytest.raises(DownloadError, match="given up after 5 attempts, 300,000 bytes are kept"):
            fetch(server, target)
        assert len(server.requests) == 5
    assert not target.exists()


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(target):
    def answer(handler):
        handler.start(Content_Length=len(web.BODY))
        handler.wfile.write(web.BODY[:1000])

    with web.serving(answer) as server:
        with pytest.raises(DownloadError, match="given up"):
            fetch(server, target)
        assert len(server.requests) == 5


@pytest.mark.parametrize("length", [len(web.BODY) - 10, len(web.BODY) + 10])
def test_a_server_that_lies_about_the_size_is_refused(target, length):
    with web.serving(web.announcing(length)) as server:
        with pytest.raises(DownloadError, match=rf"offers {length:,} bytes, the file has {len(web.BODY):,}"):
            fetch(server, target)
        assert len(server.requests) == 1
    assert not target.exists()


def test_too_few_bytes_of_a_file_of_unknown_size_are_noticed(target):
    with web.serving(web.announcing(len(web.BODY) + 10)) as server, pytest.raises(DownloadError, match="broke off"):
        fetch(server, target, bytes=None, sha256=None)
    assert not target.exists()


def test_a_corrupt_file_is_refused_and_removed(target):
    with web.serving(web.whole(web.BODY[::-1])) as server, pytest.raises(DownloadError, match=r"SHA-256 .* instead of"):
        fetch(server, target)
    assert not target.exists()
    assert not list(target.parent.glob("*.part"))


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_is_final(target, code):
    with web.serving(web.status(code)) as server:
        with pytest.raises(DownloadError, match=f"HTTP status {code}"):
            fetch(server, target)
        assert len(server.requests) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(target, code):
    with web.serving(web.status(code), web.status(code, Retry_After="0"), web.whole()) as server:
        fetch(server, target)
        assert len(server.requests) == 3
    assert target.read_bytes() == web.BODY


def test_a_server_that_stays_busy_is_given_up(target):
    given_up = r"HTTP status 503.*given up after 5 attempts"
    with web.serving(web.status(503)) as server, pytest.raises(DownloadError, match=given_up):
        fetch(server, target)


def test_a_refused_connection_and_an_impossible_address_are_clear_errors(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    with pytest.raises(DownloadError, match="refused"):
        download.download(Remote(url), target, pause_seconds=0.001)
    with pytest.raises(DownloadError, match="no address"):
        download.download(Remote("http://[broken"), target, pause_seconds=0.001)


def test_whether_a_file_can_be_had_is_known_in_time():
    with web.serving(web.whole()) as server:
        assert remote.answers(Remote(server.url), seconds=5) is None
    with web.serving(web.status(404)) as server:
        assert "404" in remote.answers(Remote(server.url), seconds=5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        assert remote.answers(Remote(url), seconds=0.2) is not None


def test_the_official_file_is_what_is_documented(monkeypatch):
    monkeypatch.delenv("SENTIMENT140_URL", raising=False)
    official = remote.sentiment140()
    assert official.bytes == 81_363_704
    assert official.sha256.startswith("004a3772c8a7ff9b")
    monkeypatch.setenv("SENTIMENT140_URL", "http://127.0.0.1:1/other.zip")
    assert remote.sentiment140().url == "http://127.0.0.1:1/other.zip"

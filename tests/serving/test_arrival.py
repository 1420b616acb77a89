import pytest

from serving.arrival import Arrival

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "get": b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "length": POST + b"Content-Length: 5\r\n\r\n12345",
    "odd case": POST + b"content-LENGTH:5\r\n\r\n12345",
    "chunked": CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
    "many chunks": CHUNKED + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "an end inside a chunk": CHUNKED + b"8\r\na\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "an end of two zeros": CHUNKED + b"3\r\nabc\r\n00\r\n\r\n",
    "an end with a note": CHUNKED + b"3 ;a\r\nabc\r\n0 ; b=c\r\n\r\n",
    "empty chunks": CHUNKED + b"0\r\n\r\n",
}


def arrived(data, limit=1000):
    arrival = Arrival(0, limit)
    arrival.received += data
    return arrival


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_is_complete_with_its_last_byte_and_not_before(name):
    arrival = Arrival(0, 1000)
    for byte in WHOLE[name]:
        assert not arrival.complete()
        arrival.received.append(byte)
    assert arrival.complete()


def test_what_is_too_large_is_not_waited_for():
    assert arrived(POST + b"Content-Length: 1001\r\n\r\n").complete()
    assert arrived(CHUNKED + b"" + b"x" * 70_000).complete()
    assert arrived(CHUNKED + b"11000\r\n" + b"x" * 68_000).complete()
    assert arrived(CHUNKED + b"0\r\n" + b"X: y\r\n" * 12_000).complete()
    assert arrived(b"GET /" + b"x" * 70_000).complete()


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"\r\n", b"0x0\r\n", b"3\r\nabcdefg\r\n"])
def test_chunks_that_are_none_are_not_waited_for(body):
    assert arrived(CHUNKED + body).complete()


def test_what_follows_the_last_chunk_is_not_waited_for():
    assert arrived(CHUNKED + b"3\r\nabc\r\n0\r\n\r\nGET /live").complete()


def test_a_client_that_asks_is_told_once_to_go_on():
    arrival = arrived(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert arrival.owes_continue()
    assert not arrival.owes_continue()
    arrival.received += b"{}"
    assert arrival.complete()
    assert arrival.received == POST + b"Content-Length: 2\r\n\r\n{}"


def test_one_that_asks_twice_is_told_once_and_one_of_http_1_0_never():
    twice = arrived(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\nexpect: 100-Continue\r\n\r\n")
    assert twice.owes_continue()
    assert not twice.owes_continue()
    assert twice.received == POST + b"Content-Length: 2\r\n\r\n"
    old = arrived((POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").replace(b"1.1", b"1.0"))
    assert not old.owes_continue()
    refused = arrived(POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
    assert not refused.owes_continue()
    assert b"Expect" not in refused.received


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_complete_and_within_the_limits_is_whole(name):
    assert arrived(WHOLE[name]).whole()
    assert not arrived(WHOLE[name][:-1]).whole()


def test_what_is_only_not_waited_for_is_not_whole():
    assert not arrived(POST + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001).whole()
    for body in (b"11000\r\n" + b"x" * 68_000, b"0\r\n" + b"X: y\r\n" * 12_000, b"zz\r\n"):
        arrival = arrived(CHUNKED + body)
        assert arrival.complete()
        assert not arrival.whole()


@pytest.mark.parametrize(("body", "chunks"), [(CHUNKED + b"1\r\na\r\n" * 50 + b"0\r\n\r\n", 50), (WHOLE["length"], 0)])
def test_a_chunk_costs_as_much_as_a_hundred_bytes(body, chunks):
    found = arrived(body)
    assert found.complete()
    assert found.cost() == len(body) + 100 * chunks


def test_what_is_wrong_with_chunks_is_said():
    for body in (b"zz\r\n", b"1;a\nb\r\nx\r\n", b"1\r\nxyz\r\n0\r\n\r\n"):
        arrival = arrived(CHUNKED + body)
        assert arrival.complete()
        assert "broken" in arrival.malformed
    many = arrived(CHUNKED + b"1\r\nx\r\n" * 10_001 + b"0\r\n\r\n", limit=10**6)
    assert many.complete()
    assert "10000 chunks" in many.malformed
    assert not arrived(WHOLE["many chunks"]).malformed


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"GET /livez HTTP/1.1\r\n", ("GET", "/livez")),
        (b"HEAD /readyz?x HTTP/1.1\r\n\r\n", ("HEAD", "/readyz")),
        (b"GET //livez HTTP/1.1\r\n", ("GET", "/livez")),
        (b"GET /%6Divez#x HTTP/1.1\r\n", ("GET", "/mivez")),
        (b"GET /livez%2f HTTP/1.1\r\n", ("GET", "/livez/")),
        (b"GET http://x:1/livez?x HTTP/1.1\r\n", ("GET", "/livez")),
        (b"GET HTTP://livez HTTP/1.1\r\n", ("GET", "/")),
        (b"\r\n\r\nGET /livez HTTP/1.1\r\n\r\n", ("GET", "/livez")),
        (b"GET /live", ("", "")),
        (b"", ("", "")),
        (b"\r\n\r\n", ("", "")),
    ],
)
def test_method_and_path_are_read_once_both_are_there(raw, expected):
    assert arrived(raw).head().first_line() == expected


def test_a_header_is_read_wherever_it_stands_and_a_body_is_none():
    head = arrived(POST + b"x-a:1\r\nB: x\r\nX-A: 2 \r\nContent-Length: 9\r\n\r\n\r\nX-A: 3\r\n").head()
    assert head.header("X-A") == "1,2"
    assert head.header("X") == ""


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_a_body_that_nobody_will_read_is_not_waited_for(framing):
    raw = b"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n" + framing + b"\r\n\r\n"
    arrival = Arrival(0, 1000, lambda head: head.header("authorization") == "Bearer right")
    arrival.received += raw
    assert arrival.complete()
    assert not arrival.whole()
    arrival = Arrival(0, 1000, lambda head: head.header("authorization") == "Bearer wrong")
    arrival.received += raw
    assert not arrival.complete()

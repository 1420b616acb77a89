"""gunicorn's own readers over a request that is here whole: the same bytes, in time that grows with them."""

import time

import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader

from serving.reader import WholeRequest

LARGE = bytes(range(256)) * 32_768  # 8 MiB


def chunked(body, size):
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


READERS = {
    "a length": lambda: LengthReader(WholeRequest(LARGE + b"GET /"), len(LARGE)),
    "one chunk": lambda: ChunkedReader(None, WholeRequest(chunked(LARGE, len(LARGE)) + b"GET /")),
    "chunks": lambda: ChunkedReader(None, WholeRequest(chunked(LARGE, 1000) + b"GET /")),
}


@pytest.mark.parametrize("name", READERS)
def test_a_large_body_is_read_in_time_that_grows_with_it(name):
    started = time.process_time()
    assert Body(READERS[name]()).read() == LARGE
    assert time.process_time() - started < 2  # a tenth of that; all at once it would be five seconds or more


def test_what_follows_a_body_is_left_for_the_next_request():
    unreader = WholeRequest(b"12345GET /livez" + b"x" * 3000)
    assert Body(LengthReader(unreader, 5)).read() == b"12345"
    assert unreader.left()
    assert unreader.take_buffered() == b"GET /livez" + b"x" * 3000
    assert not unreader.left()
    with pytest.raises(ConnectionResetError):
        unreader.read()

"""Who may connect while a listening socket is about to be closed."""

import socket
import sys
from contextlib import closing

import pytest

from serving import sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filter of packets is Linux's")


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["IPv4", "IPv6"])
def listener(request):
    address, family = request.param
    with closing(socket.socket(family)) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            pytest.skip(f"no {address} here: {error}")
        sock.listen()
        sock.setblocking(False)
        yield sock


def connect(listener):
    client = socket.socket(listener.family)
    client.settimeout(0.3)
    try:
        client.connect(listener.getsockname())
    except TimeoutError:
        client.close()
        raise
    return client


def test_who_has_connected_is_taken_and_who_connects_waits(listener):
    with closing(connect(listener)) as before:
        sockets.let_none_connect(listener)
        with pytest.raises(TimeoutError):
            connect(listener)
        taken, _ = listener.accept()
        with closing(taken):
            before.sendall(b"ask")
            assert taken.recv(3) == b"ask"
            taken.sendall(b"answer")
            assert before.recv(6) == b"answer"
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_it_can_be_taken_back(listener):
    sockets.let_connect(listener)  # nothing to take back: no error
    sockets.let_none_connect(listener)
    sockets.let_connect(listener)
    with closing(connect(listener)), closing(listener.accept()[0]):
        pass


def test_other_sockets_are_left_alone(tmp_path):
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        sockets.let_none_connect(listener)
        sockets.let_connect(listener)
        with closing(connect(listener)):
            pass

"""The page in a real browser, where there is one."""

import os
import shutil
import subprocess
import threading

import pytest
from werkzeug.serving import make_server

from serving.app import create_app
from serving.settings import Settings

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")


@pytest.fixture
def address(predictor):
    server = make_server("127.0.0.1", 0, create_app(Settings(max_texts=2, max_characters=50), predictor), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browse(address, tmp_path):
    """The page's document after its scripts have run."""

    def browse(fragment):
        flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
        flags += f" --disable-component-update --disable-sync --user-data-dir={tmp_path / 'profile'}"
        flags += " --virtual-time-budget=5000"
        command = [BROWSER, *flags.split(), "--dump-dom", address + fragment]
        environment = os.environ | {"HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment).stdout

    return browse


def test_a_text_is_answered_with_label_bar_and_model(browse):
    page = browse("#a good day")
    assert '<strong id="label" class="positive">positive</strong>' in page
    assert "P(positive) = 90.0 %" in page
    assert "width: 90%" in page
    assert "model fake-1" in page


def test_many_lines_go_in_as_many_requests_as_needed_and_come_back_as_a_table(browse, predictor):
    page = browse("#good%0Abad%0A%3Cimg src=x onerror=alert(1)%3E good")
    assert "3 texts, 2 positive" in page
    assert "&lt;img src=x onerror=alert(1)&gt; good" in page
    assert list(map(len, predictor.calls)) == [2, 1]


def test_a_refusal_is_shown_in_words(browse):
    assert "String should have at most 50 characters" in browse("#" + "x" * 51)

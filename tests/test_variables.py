"""Environment variables come back."""

import os

import pytest

from pipelines import variables


def test_the_environment_is_other_within_and_as_before_after_an_error(monkeypatch):
    monkeypatch.setenv("HERE_BEFORE", "1")
    monkeypatch.setenv("GONE_WITHIN", "2")
    monkeypatch.delenv("NOT_HERE_BEFORE", raising=False)

    def fail_within() -> None:
        with variables.set_aside(HERE_BEFORE="3", GONE_WITHIN=None, NOT_HERE_BEFORE="4"):
            assert (os.environ["HERE_BEFORE"], os.environ["NOT_HERE_BEFORE"]) == ("3", "4")
            assert "GONE_WITHIN" not in os.environ
            raise OSError("within")

    with pytest.raises(OSError, match="within"):
        fail_within()
    assert (os.environ["HERE_BEFORE"], os.environ["GONE_WITHIN"]) == ("1", "2")
    assert "NOT_HERE_BEFORE" not in os.environ

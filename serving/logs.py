"""Log lines as JSON, one a line, on standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gunicorn.glogging import Logger

from serving import sockets

_PATIENCE = 50  # milliseconds
_LONGEST = 4096 - 1  # bytes of a line: what a pipe that has room takes at once, and whole beside those of other workers
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Meanwhile nothing reaches standard error: libraries remark there, past all logging, what machine they find."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


class NoAccessLog(Logger):
    """gunicorn's, without a line of its own for each request: it would be put together even where nobody reads it."""

    def access(self, resp, req, environ, request_time):
        """Nothing: the application logs each request, with its id."""


class Console(logging.StreamHandler):
    """Standard error, but no wait for whoever does not read it: the main threads of all workers write here.

    A pipe that is full is given a moment, once; then lines are left out until there is room again, and counted.
    """

    def __init__(self):
        super().__init__(sys.stderr)
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        if not self._takes(0 if self._left_out else _PATIENCE):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        if left_out:
            said = f"{left_out} log lines were left out: nobody read them"
            super().emit(logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, None, None))
            if not self._takes(0):
                self._left_out = 1
                return
        super().emit(record)

    def _takes(self, milliseconds: int) -> bool:
        try:
            return sockets.takes(self.stream, milliseconds=milliseconds)
        except (OSError, ValueError):  # no file, or none any more
            return True


class JsonFormatter(logging.Formatter):
    """time, level, logger and message, then whatever was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _fitting(line)


def _fitting(line: dict[str, Any]) -> str:
    """The line as JSON, all in ASCII; what is longest in it is cut where it would be too long."""
    while len(said := json.dumps(line, default=str)) > _LONGEST:
        name = max(line, key=lambda name: len(json.dumps(line[name], default=str)))
        value = line[name] if isinstance(line[name], str | list) else str(line[name])
        # Of a traceback the end tells most.
        line[name] = value[-(len(value) // 2) :] if name == "exception" else value[: len(value) // 2]
        line["cut"] = True
    return said


def configuration(level: str) -> dict[str, Any]:
    """For logging.config and gunicorn's `logconfig_dict`: everything through one JSON handler."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "serving.logs.JsonFormatter"}},
        "handlers": {"console": {"class": "serving.logs.Console", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "serving": {"level": level.upper()},
            "gunicorn.error": {"level": level.upper(), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }

"""MLflow's records in a folder of this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from pipelines import artifacts

_DATABASE = "mlflow.db"
# Where MLflow 3 keeps addresses of artifacts.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def uri(folder: Path) -> str:
    """How MLflow is told of the records in a folder."""
    return f"sqlite:///{folder / _DATABASE}"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Prepare the records alone: several first runs at once would break one another's migration of a fresh file.

    Raises:
        ConnectionError: the folder cannot be written to.
    """
    with ExitStack() as held:
        try:
            held.enter_context(artifacts.lock(folder / "mlflow"))
        except OSError as error:
            raise ConnectionError(
                f"runs cannot be recorded in {folder} ({error.strerror}): set MLRUNS_FOLDER to a folder that can be "
                "written to, or MLFLOW_TRACKING_URI to a server"
            ) from None
        yield


def follow(folder: Path, *, old: str, new: str) -> None:
    """Let the records of a folder that was moved or copied name their files where they are now.

    MLflow keeps absolute addresses: it would go on writing to the old place, another checkout perhaps.

    Args:
        folder: of the records.
        old, new: address of the folder of artifacts.
    """
    with closing(sqlite3.connect(folder / _DATABASE, timeout=60)) as connection, connection:
        for table, column in _COLUMNS:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR {column} LIKE ?",
                    (new, len(old) + 1, old, f"{old}/%"),
                )
    print(f"the records in {folder} were made in {old}: they name their files in {new} now")

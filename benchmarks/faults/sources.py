"""Where the service under test takes its model from: two versions in folders behind a link, or in S3 on loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VERSIONS = ("first", "second")


def versions_of(model: Path, folder: Path) -> dict[str, Path]:
    """Two copies of a model that differ in the version that their answers name."""
    made = {}
    for version in VERSIONS:
        made[version] = shutil.copytree(model, folder / version)
        manifest = made[version] / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"model_version": version}))
    return made


def point(link: Path, folder: Path) -> None:
    """Make the link name this folder, at one instant."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    os.replace(fresh, link)


class Store:
    """moto's S3 server in a process of its own, with a bucket whose prefix `model` is the model."""

    URI = "s3://weights/model"

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        names = {"ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"}
        self.variables = {f"AWS_{name}": value for name, value in (names | {"DEFAULT_REGION": "us-east-1"}).items()}

    def upload(self, folder: Path) -> None:
        """Put the files of a folder in the place of those that are there."""
        import boto3

        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            time.sleep(0.1)
        options = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        bucket = boto3.resource("s3", endpoint_url=self.variables["AWS_ENDPOINT_URL"], **options).Bucket("weights")
        bucket.create()
        for path in folder.rglob("*"):
            if path.is_file():
                bucket.upload_file(str(path), f"model/{path.relative_to(folder)}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(20)


@contextmanager
def store() -> Iterator[Store]:
    """A store that is stopped at the end."""
    started = Store()
    try:
        yield started
    finally:
        started.stop()

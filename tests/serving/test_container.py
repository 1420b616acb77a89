"""The files that containers are made from, as far as they can be checked without a container engine."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from serving.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
OTHERS = {"MLFLOW_TRACKING_URI"}  # what MLflow's client reads


def test_the_dockerfile_is_clean():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_holds_no_more_than_the_service():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert [line for line in ignored if line.startswith("!")] == ["!serving"]


def test_what_the_image_and_compose_set_is_what_the_service_reads():
    known = {name.upper() for name in Settings.model_fields} | OTHERS
    given = set(yaml.safe_load(COMPOSE)["services"]["service"]["environment"])
    assert given <= known
    image = re.findall(r"^    ([A-Z_]+)=", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    python = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "TMPDIR", "PROMETHEUS_MULTIPROC_DIR"}
    assert set(image) - python <= known
    assert "MODEL_URI" in image


def test_every_secret_of_compose_comes_from_the_example_s_names():
    named = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z0-9_]+):\?", COMPOSE)) == named


def test_the_service_of_compose_can_write_nowhere_but_to_its_cache():
    service = yaml.safe_load(COMPOSE)["services"]["service"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["cache:/cache"]


def test_ports_are_open_to_this_machine_only():
    services = yaml.safe_load(COMPOSE)["services"]
    assert all(str(port).startswith("127.0.0.1:") for each in services.values() for port in each.get("ports", []))

import json
import os
import subprocess
import sys

import pytest
from live import ROOT

from serving import metrics, predictor
from serving.settings import Settings, SettingsError
from serving.variables import table


def test_without_variables_the_defaults_hold():
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"PORT": " ", "UNRELATED": "x"}) == Settings()


def test_variables_are_read_and_frozen():
    settings = Settings.from_environment({"PORT": "8080", "DRAIN_SECONDS": "1.5", "LOG_REQUESTS": "false"})
    assert Settings.from_environment({"LOG_LEVEL": "INFO"}).log_level == "info"
    assert (settings.port, settings.drain_seconds, settings.log_requests) == (8080, 1.5, False)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_every_wrong_variable_is_named_with_its_value():
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"PORT": "http", "WORKERS": "0", "LOG_LEVEL": "loud"})
    for part in ("PORT=http", "WORKERS=0", "LOG_LEVEL=loud", "Processes, each with"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_URI_ALLOW", " , "),
        ("MODEL_POLL_SECONDS", "1e-9"),
        ("MODEL_POLL_SECONDS", "inf"),
        ("MAX_TEXTS", "99999999999999999999"),
        ("MAX_CHARACTERS", "99999999999999999999"),
        ("QUEUE_REQUESTS", "99999999999999999999"),
        ("API_KEY", "a\nb"),
        ("CORS_ALLOW_ORIGINS", "https://Example.com"),
        ("CORS_ALLOW_ORIGINS", "https://user@example.com"),
        ("CORS_ALLOW_ORIGINS", "https://example.com?x"),
    ],
)
def test_what_would_switch_a_guard_off_or_fit_no_machine_is_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_the_key_may_lie_in_a_file_and_is_never_shown(tmp_path):
    file = tmp_path / "key"
    file.write_text("secret\n")
    settings = Settings.from_environment({"API_KEY_FILE": str(file)})
    assert settings.api_key == "secret"
    assert "secret" not in repr(settings)
    file.write_text("\ufeffsecret\r\n", encoding="utf-8")
    assert Settings.from_environment({"API_KEY_FILE": str(file)}).api_key == "secret"
    file.write_text("sec\0ret")
    with pytest.raises(SettingsError, match=r"API_KEY_FILE=.*control character") as caught:
        Settings.from_environment({"API_KEY_FILE": str(file)})
    assert "ret" not in str(caught.value)
    file.write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        Settings.from_environment({"API_KEY_FILE": str(file)})
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_environment({"API_KEY_FILE": str(tmp_path / "none")})


def test_every_setting_has_a_meaning():
    assert all(row["meaning"].endswith((".", ")")) for row in table())


def configuration(*, descriptors=4096, **variables):
    """What gunicorn's configuration makes of these variables, under a hard limit of file descriptors."""
    code = f"""
import json, resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, ({min(descriptors, 1024)}, {descriptors}))
made = runpy.run_path("serving/gunicorn_conf.py")
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(json.dumps({{"bind": made["bind"], "connections": made["worker_connections"], "limit": limit}}))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | variables, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("host", "bind"),
    [
        ("::1", "[::1]:8000"),
        ("[::1]", "[::1]:8000"),
        ("::", "[::]:8000"),
        ("0.0.0.0", "0.0.0.0:8000"),
        ("web", "web:8000"),
    ],
)
def test_an_address_of_either_kind_can_be_listened_on(host, bind):
    assert configuration(HOST=host, PORT="8000")["bind"] == bind


def test_a_worker_takes_no_more_connections_than_it_has_file_descriptors_for():
    usual, few = configuration(), configuration(descriptors=400)
    assert (usual["connections"], usual["limit"]) == (1000, 2000)
    assert (few["connections"], few["limit"]) == (300, 400)


@pytest.mark.parametrize(("threads", "queue"), [(1024, 512), (32, 968), (2, 1200)])
def test_a_worker_has_places_for_more_connections_than_it_holds_requests(threads, queue):
    connections = configuration(THREADS=str(threads), QUEUE_REQUESTS=str(queue))["connections"]
    assert connections - threads - queue >= 200  # for those that are kept, ask how it is, or are refused


@pytest.mark.parametrize("there", [True, False])
def test_of_the_folder_for_figures_only_what_is_its_own_is_removed(tmp_path, monkeypatch, there):
    folder = tmp_path / "figures"
    monkeypatch.setenv(metrics.FOLDER, str(folder))
    monkeypatch.setattr(metrics, "_made", None)
    metrics.remove_folder()  # of a start that has failed early
    if there:
        folder.mkdir()
        for name in ("orders.db", "counter_1.db", "gauge_livesum_23.db"):
            (folder / name).write_bytes(b"x")
    metrics.prepare_folder()
    assert [path.name for path in folder.iterdir()] == (["orders.db"] if there else [])
    (folder / "histogram_7.db").write_bytes(b"x")
    metrics.remove_folder()
    assert [path.name for path in tmp_path.rglob("*")] == (["figures", "orders.db"] if there else [])


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000\n", 4), ("200000 100000\n", 2), ("50000 100000\n", 1), ("900000 100000\n", 4), ("", 4)],
)
def test_a_containers_quota_of_cpu_time_bounds_the_cores(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4))
    (tmp_path / "cpu.max").write_text(quota)
    assert predictor.cores(tmp_path / "cpu.max") == cores
    assert predictor.cores(tmp_path / "none") == 4

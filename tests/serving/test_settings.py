import pytest

from serving.settings import Settings, SettingsError, table


def test_without_variables_the_defaults_hold():
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"PORT": " ", "UNRELATED": "x"}) == Settings()


def test_variables_are_read_and_frozen():
    settings = Settings.from_environment({"PORT": "8080", "DRAIN_SECONDS": "1.5", "LOG_REQUESTS": "false"})
    assert (settings.port, settings.drain_seconds, settings.log_requests) == (8080, 1.5, False)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_every_wrong_variable_is_named_with_its_value():
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"PORT": "http", "WORKERS": "0", "LOG_LEVEL": "loud"})
    for part in ("PORT=http", "WORKERS=0", "LOG_LEVEL=loud", "Processes, each with"):
        assert part in str(caught.value)


def test_the_key_may_lie_in_a_file_and_is_never_shown(tmp_path):
    file = tmp_path / "key"
    file.write_text("secret\n")
    settings = Settings.from_environment({"API_KEY_FILE": str(file)})
    assert settings.api_key == "secret"
    assert "secret" not in repr(settings)
    file.write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        Settings.from_environment({"API_KEY_FILE": str(file)})
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_environment({"API_KEY_FILE": str(tmp_path / "none")})


def test_every_setting_has_a_meaning():
    assert all(row["meaning"].endswith((".", ")")) for row in table())

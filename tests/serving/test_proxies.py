import pytest
from conftest import CountingPredictor

from serving.app import create_app
from serving.settings import Settings, SettingsError


def seen(trusted, peer, **headers):
    """The client's address and scheme as a route sees them."""
    from flask import request

    app = create_app(Settings(trusted_proxies=trusted), CountingPredictor())
    app.add_url_rule("/seen", view_func=lambda: {"client": request.remote_addr, "scheme": request.scheme})
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = app.test_client().get("/seen", environ_overrides={"REMOTE_ADDR": peer}, headers=headers).get_json()
    return answer["client"], answer["scheme"]


NETS = "10.0.0.0/8, 2001:db8::/32"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", "10.0.0.1", "192.0.2.1", "10.0.0.1"),
        (NETS, "192.0.2.9", "192.0.2.1", "192.0.2.9"),
        (NETS, "10.0.0.1", "192.0.2.1", "192.0.2.1"),
        (NETS, "10.0.0.1", "192.0.2.66, 192.0.2.1", "192.0.2.1"),
        (NETS, "10.0.0.1", "192.0.2.66, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        (NETS, "::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        (NETS, "2001:db8::1", "2001:db9::1", "2001:db9::1"),
        (NETS, "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        (NETS, "10.0.0.1", "192.0.2.1, nonsense", "10.0.0.1"),
        (NETS, "10.0.0.1", "", "10.0.0.1"),
        ("1", "10.0.0.1", "192.0.2.66, 192.0.2.1", "192.0.2.1"),
        ("2", "10.0.0.1", "192.0.2.66, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("1", "10.0.0.1", "192.0.2.1:50123", "192.0.2.1"),
        (NETS, "10.0.0.1", "192.0.2.1:50123, 10.9.9.9:80", "192.0.2.1"),
        (NETS, "10.0.0.1", "[2001:db9::1]:50123", "2001:db9::1"),
        ("0", "10.0.0.1", "192.0.2.1", "10.0.0.1"),
    ],
)
def test_the_client_is_who_the_nearest_trusted_proxy_says(trusted, peer, forwarded, client):
    settings = Settings.from_environment({"TRUSTED_PROXIES": trusted})
    assert seen(settings.trusted_proxies, peer, X_Forwarded_For=forwarded)[0] == client


@pytest.mark.parametrize(("trusted", "scheme"), [("", "http"), ("10.0.0.0/8", "https"), ("1", "https")])
def test_the_scheme_is_believed_like_the_address(trusted, scheme):
    assert seen(trusted, "10.0.0.1", X_Forwarded_Proto="https", X_Forwarded_For="192.0.2.1")[1] == scheme


@pytest.mark.parametrize("scheme", ["javascript", "//["])
@pytest.mark.parametrize("trusted", ["10.0.0.0/8", "1"])
def test_only_http_and_https_are_schemes(trusted, scheme):
    assert seen(trusted, "10.0.0.1", X_Forwarded_Proto=scheme)[1] == "http"


@pytest.mark.parametrize("wrong", ["-1", "10.0.0.0/33", "proxy.example", "10.0.0.1/8", "1.5"])
def test_what_is_neither_a_number_nor_networks_is_refused(wrong):
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES="):
        Settings.from_environment({"TRUSTED_PROXIES": wrong})

"""What MODEL_URI_ALLOW lets through, and what only looks like it."""

import pytest

from serving import allow
from serving.manifest import ModelError, without_user
from serving.settings import Settings


def check(uri, allowed, **environment):
    allow.check(Settings(model_uri=uri, model_uri_allow=allowed), environment)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("s3://bucket/models/1", "s3://bucket"),
        ("s3://bucket/models/1", "s3://bucket/models/"),
        ("s3://bucket/models/1", "s3://"),
        ("models:/sentiment/3", "models:/sentiment"),
        ("models:/sentiment@champion", "models:/sentiment"),
        ("models:/sentiment@champion", "models:/sentiment@champion"),
        ("runs:/0123/model", "runs:/"),
        ("/models/1", "/models"),
        ("file:///models/1", "/models"),
        ("/models/1", "s3://bucket , /models"),
        ("/models/1", "file:///models"),
        ("/anywhere", ""),
    ],
)
def test_what_is_listed_is_read(uri, allowed):
    check(uri, allowed)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("s3://bucket-evil/models", "s3://bucket"),
        ("s3://bucket/models-evil/1", "s3://bucket/models"),
        ("s3://bucket/models/../secret", "s3://bucket/models"),
        ("s3://bucket@evil/models", "s3://bucket"),
        ("s3://BUCKET.evil/models", "s3://bucket"),
        ("models:/sentiment-evil/1", "models:/sentiment"),
        ("models:/sentiment@champion2", "models:/sentiment@champion"),
        ("models:/sentiment/../x/1", "models:/sentiment"),
        ("runs:/0123/model", "models:/"),
        ("/models-evil", "/models"),
        ("/models/../etc", "/models"),
        ("file:///models/../etc", "/models"),
        ("file:///etc", "s3://bucket, /models"),
        ("http://127.0.0.1/model", "s3://, models:/, /models"),
        ("", "/models"),
    ],
)
def test_what_only_looks_listed_is_refused(uri, allowed):
    with pytest.raises(ModelError, match="MODEL_URI_ALLOW"):
        check(uri, allowed)


def test_a_link_out_of_a_listed_folder_is_refused_and_one_to_it_is_not(tmp_path):
    for name in ("models/1", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "link").symlink_to(tmp_path / "models")
    check(str(tmp_path / "link" / "1"), str(tmp_path / "models"))
    with pytest.raises(ModelError, match="MODEL_URI_ALLOW"):
        check(str(tmp_path / "models" / "out"), str(tmp_path / "models"))


@pytest.mark.parametrize(
    ("uri", "variable"),
    [
        ("models:/sentiment/1", "MLFLOW_TRACKING_URI"),
        ("runs:/0123/model", "MLFLOW_TRACKING_URI"),
        ("models:/sentiment/1", "MLFLOW_REGISTRY_URI"),
        ("models:/sentiment/1", "MLFLOW_S3_ENDPOINT_URL"),
        ("s3://bucket/models", "AWS_ENDPOINT_URL"),
        ("s3://bucket/models", "AWS_ENDPOINT_URL_S3"),
    ],
)
def test_the_servers_behind_a_uri_must_be_listed_too(uri, variable):
    listed = "models:/, runs:/, s3://bucket, http://store:9000"
    check(uri, listed, **{variable: "http://store:9000/"})
    check(uri, listed)
    for other in ("http://store:9001", "http://store.evil:9000", "http://store:9000@evil", "https://store:9000"):
        with pytest.raises(ModelError, match=variable):
            check(uri, listed, **{variable: other})


@pytest.mark.parametrize(
    ("location", "server", "allowed"),
    [
        ("mlflow-artifacts:/1/models", "http://mlflow", ""),
        ("mlflow-artifacts:/1/models", "http://mlflow", "models:/sentiment, http://mlflow"),
        ("mlflow-artifacts://mlflow:5000/1", "http://user:secret@MLFLOW:5000/", "models:/sentiment"),
        ("mlflow-artifacts://artifacts:80/1", "http://mlflow", "mlflow-artifacts://artifacts:80"),
        ("s3://any/1", "http://mlflow", ""),
        ("/local/1", "sqlite:///mlflow.db", ""),
        ("/shared/1", "http://mlflow", "/shared"),
    ],
)
def test_a_server_may_point_to_itself_to_a_store_and_to_what_is_listed(location, server, allowed):
    allow.check_location(location, server=server, allowed=allowed)


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("/etc", ""),
        ("file:///etc", ""),
        ("http://evil/1", ""),
        ("s3://any/1", "s3://weights"),
        ("mlflow-artifacts://evil:80/x", ""),
        ("mlflow-artifacts://evil:80/x", "models:/sentiment, http://mlflow"),
        ("mlflow-artifacts://mlflow@evil/x", ""),
        ("mlflow-artifacts://mlflow:81/x", ""),
        ("models:/from-model-to-model/1", ""),
    ],
)
def test_a_server_may_point_nowhere_else(location, allowed):
    with pytest.raises(ModelError, match="MODEL_URI_ALLOW"):
        allow.check_location(location, server="http://mlflow", allowed=allowed)


@pytest.mark.parametrize("user", ["user:secret", "user:sec@ret", "secret", "user:" + "secret" * 50])
def test_no_message_holds_a_password(user):
    address, messages = f"http://{user}@store:9000", []
    for refused in (
        lambda: check("models:/sentiment/1", f"s3://weights, http://{user}@other", MLFLOW_TRACKING_URI=address),
        lambda: allow.check_location("/etc", server=address, allowed=""),
        lambda: allow.check_location(f"{address}/model", server="http://mlflow", allowed=""),
        lambda: allow.check_location(f"{address}/model", server=address, allowed=f"http://{user}@other"),
    ):
        with pytest.raises(ModelError) as caught:
            refused()
        messages.append(str(caught.value))
    assert not [message for message in messages if "sec" in message]
    assert all("://store:9000" in message for message in messages)


def test_an_at_sign_outside_an_address_stays():
    said = "models:/sentiment@champion is at http://store/a@b, or s3://weights/x?y@z"
    assert without_user(said) == said

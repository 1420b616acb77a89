"""Who takes part: how each is started, asked and understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

Bodies = Callable[[list[str]], dict]
Reader = Callable[[dict | list], list[float]]


@dataclass(frozen=True)
class Contestant:
    """One server of the model.

    Attributes:
        name: as the tables show it.
        environment: of `benchmarks.environments`; None is the one that runs this.
        arguments: for Python; {port} and {workers} are filled in.
        path: that predictions are asked from.
        one, many: the JSON body for one text and for several.
        read: the probabilities in an answer.
        settings: what is not the default, for the report.
        variables: of its process's environment, filled in likewise.
        packages: whose versions the report names.
    """

    name: str
    environment: str | None
    arguments: tuple[str, ...]
    path: str
    one: Bodies
    many: Bodies
    read: Reader
    settings: str
    packages: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)


def _texts(texts: list[str]) -> dict:
    return {"texts": texts}


def _read_ours(answer: dict) -> list[float]:
    return [item["probability"] for item in answer.get("predictions", [answer])]


def _tensor(texts: list[str]) -> dict:
    """The Open Inference Protocol (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol)."""
    return {"inputs": [{"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}]}


def _frame(texts: list[str]) -> dict:
    return {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}}


OURS = Contestant(
    "ours",
    None,
    ("-m", "gunicorn", "-c", "serving/gunicorn_conf.py", "serving.app:create_app()"),
    "/predict",
    one=lambda texts: {"text": texts[0]},
    many=_texts,
    read=_read_ours,
    settings="all defaults",
    packages=("gunicorn", "flask"),
    variables={"PORT": "{port}", "WORKERS": "{workers}", "LOG_REQUESTS": "false"},
)
LIGHT = replace(
    OURS,
    name="ours, onnx",
    settings="SERVING_RUNTIME=onnx: the light form inside the same export",
    variables=OURS.variables | {"SERVING_RUNTIME": "onnx"},
    packages=("gunicorn", "flask", "onnxruntime"),
)
PLAIN = Contestant(
    "plain Flask",
    None,
    (
        *("-m", "gunicorn", "-k", "gthread", "--threads", "32", "-w", "{workers}", "-b", "127.0.0.1:{port}"),
        *("--no-control-socket", "benchmarks.serving.peers.plain:create_app()"),
    ),
    "/predict",
    one=_texts,
    many=_texts,
    read=list,
    settings="gunicorn, gthread, 32 threads; no batching",
    packages=("gunicorn", "flask"),
)
BENTOML = Contestant(
    "BentoML",
    "bentoml",
    (
        *("-m", "bentoml", "serve", "benchmarks.serving.peers.bentoml_service:Sentiment"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    ),
    "/predict",
    one=_texts,
    many=_texts,
    read=list,
    settings="batchable, max_batch_size 64, max_latency_ms 60000, {workers} workers",
    packages=("bentoml",),
    variables={
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
    },
)
LITSERVE = Contestant(
    "LitServe",
    "litserve",
    ("-m", "benchmarks.serving.peers.litserve_server", "{port}"),
    "/predict",
    one=_texts,
    many=_texts,
    read=list,
    settings="max_batch_size 64, batch_timeout 2 ms, {workers} workers, {workers} API servers, fast_queue",
    packages=("litserve",),
)
# parallel_workers: https://docs.seldon.ai/mlserver/user-guide/parallel-inference; one more process takes the requests.
# max_batch_size, max_batch_time: https://docs.seldon.ai/mlserver/user-guide/adaptive-batching
# Without a model-settings.json in its folder it takes the model from these variables:
# https://docs.seldon.ai/mlserver/reference/model-settings
MLSERVER = Contestant(
    "MLServer",
    "mlserver",
    ("-c", "from mlserver.cli import main; main()", "start", "{scratch}"),
    "/v2/models/sentiment/infer",
    one=_tensor,
    many=_tensor,
    read=lambda answer: answer["outputs"][0]["data"],
    settings="runtime of one's own, parallel_workers {workers}, max_batch_size 64, max_batch_time 2 ms",
    packages=("mlserver",),
    variables={
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{port2}",
        "MLSERVER_METRICS_PORT": "{port3}",
        "MLSERVER_METRICS_DIR": "{scratch}/metrics",
        "MLSERVER_DEBUG": "false",
        "MLSERVER_PARALLEL_WORKERS": "{workers}",
        "MLSERVER_MODEL_NAME": "sentiment",
        "MLSERVER_MODEL_IMPLEMENTATION": "benchmarks.serving.peers.mlserver_runtime.Sentiment",
        "MLSERVER_MODEL_URI": "{model}",
        "MLSERVER_MODEL_MAX_BATCH_SIZE": "64",
        "MLSERVER_MODEL_MAX_BATCH_TIME": "0.002",
    },
)
# What `mlflow models serve --env-manager local -w {workers}` runs (its log shows it); called here directly, since that
# looks for a script named uvicorn, which lies in the environment below. There is nothing to turn but the workers:
# https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-models-serve
MLFLOW = Contestant(
    "MLflow",
    "mlflow",
    (
        *("-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}", "--no-access-log"),
        "mlflow.pyfunc.scoring_server.app:app",
    ),
    "/invocations",
    one=_frame,
    many=_frame,
    read=lambda answer: [row["probability"] for row in answer["predictions"]],
    settings="mlflow models serve, uvicorn with {workers} workers; no batching",
    packages=("mlflow", "uvicorn"),
    variables={"__pyfunc_model_path__": "{mlflow_model}", "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "60"},
)
EVERYONE = {each.name: each for each in (OURS, LIGHT, PLAIN, BENTOML, LITSERVE, MLSERVER, MLFLOW)}

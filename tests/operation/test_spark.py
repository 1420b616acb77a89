"""The registered model scores in Spark as it does in the service, on a local Spark that is a real one."""

import importlib.util
import shutil
import sys

import exported_model
import numpy as np
import pytest

from serving import predictor

pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java"),
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="needs pyspark"),
    # MLflow's to mend.
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),  # PySpark's
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
TEXTS = exported_model.texts(300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return exported_model.export(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model_uri(folder, tmp_path_factory, fresh_store):
    """The export, registered as 06_evaluate registers it."""
    import mlflow

    from pipelines import artifacts, tracking
    from pipelines.model import registry

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path_factory.mktemp("mlruns")))
        patch.setenv("MLFLOW_REGISTRY_URI", "")  # MLflow sets it, and no later module shall inherit it
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        patch.setenv("DATA_FOLDER", str(folder.parents[3]))
        client = tracking.client()
        experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
        patch.setenv("MLFLOW_RUN_ID", client.create_run(experiment.experiment_id).info.run_id)
        run = artifacts.Dataset("invented").run("10")
        version = registry.register(run)
        yield f"models:/{registry.registered_name(run.dataset)}/{version}"
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", False)
        builder = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.mark.story  # Spark starts, and each of its workers loads TensorFlow
def test_spark_scores_as_the_service_does(spark, model_uri, folder):
    import mlflow.pyfunc

    score = mlflow.pyfunc.spark_udf(spark, model_uri, result_type="float", env_manager="local")
    rows = spark.createDataFrame([*enumerate(TEXTS), (len(TEXTS), None)], "row int, text string").repartition(2)
    scored = rows.withColumn("probability", score("text")).orderBy("row").collect()
    found = np.array([row.probability for row in scored], np.float64)  # of a missing one NaN
    np.testing.assert_allclose(found[:-1], predictor.load(folder).score(TEXTS), atol=1e-5)
    assert np.isnan(found[-1])


def test_the_registered_model_keeps_the_order_and_leaves_out_what_is_no_text(model_uri, folder, monkeypatch):
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(model_uri)
    table = pd.DataFrame({"text": [*TEXTS, None]}, index=range(5, len(TEXTS) + 6))
    monkeypatch.setitem(model.unwrap_python_model().predict.__globals__, "BATCH_ROWS", 64)
    scored = model.predict(table)
    assert list(scored.index) == list(table.index)
    np.testing.assert_allclose(scored["probability"].iloc[:-1], predictor.load(folder).score(TEXTS), atol=1e-5)
    assert np.isnan(scored["probability"].iloc[-1])

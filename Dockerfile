# Serving only: no notebooks, no pipelines, no weights. MODEL_URI says at the start where those are.
# --build-arg RUNTIME=onnx leaves TensorFlow out, for the light form of the model.
ARG RUNTIME=tensorflow
FROM python:3.11-slim-bookworm AS build
ARG RUNTIME
WORKDIR /build
COPY serving/requirements.txt requirements-tensorflow.txt
COPY serving/requirements-light.txt requirements-onnx.txt
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-$RUNTIME.txt \
    && /venv/bin/pip uninstall --yes --quiet pip \
    # Headers and build tools for C++ programs: no Python code reads them.
    && rm -rf /venv/lib/python3.11/site-packages/tensorflow/include /venv/lib/python3.11/site-packages/clang

FROM python:3.11-slim-bookworm
ARG RUNTIME
# The root file system may be read-only: models that are fetched and temporary files go to /cache, figures to memory.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin serving \
    && install --directory --owner=10001 --mode=0700 /cache
VOLUME /cache
COPY --from=build /venv /venv
WORKDIR /app
COPY serving serving
USER 10001
ENV PATH="/venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SERVING_RUNTIME=$RUNTIME \
    MODEL_URI=/model \
    MODEL_CACHE=/cache/models \
    TMPDIR=/cache \
    PROMETHEUS_MULTIPROC_DIR=/dev/shm/serving-metrics \
    HOST=0.0.0.0 \
    PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=2)"]
CMD ["gunicorn", "-c", "serving/gunicorn_conf.py", "serving.app:create_app()"]

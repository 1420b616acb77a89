"""What one writes in five minutes: a Flask handler without checks, limits or batching."""

import os

from flask import Flask, jsonify, request

from benchmarks.serving.peers.saved_model import SavedModel


def create_app() -> Flask:
    model = SavedModel(os.environ["MODEL_URI"])
    app = Flask("plain")

    @app.post("/predict")
    def predict():
        return jsonify(model.score(request.get_json()["texts"]))

    return app

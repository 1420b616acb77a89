"""Answers requests with an exported model: Flask under gunicorn.

The path of a request: `gate` collects its bytes on the worker's main thread; `worker` gives the whole request to a
thread, refuses it, or answers when that thread is late; `envelope` gives it an id and counts it against its client's
`rate`; `routes` reads it (`body`, `schema`); `slot` holds the model in use; its `batcher` scores waiting requests
together (`predictor`). Whatever goes wrong is a Problem (`problems`). On the way back `envelope` adds `headers`,
figures (`metrics`) and a log line.

The path of a model: `store` turns MODEL_URI into verified files (`remote`, `manifest`), `loader` fills the slot.
`gunicorn_conf` makes in the master what all workers share (`shared`).
"""

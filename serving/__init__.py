"""Answers requests with an exported model: Flask under gunicorn.

The path of a request. `gate` collects its bytes on the worker's main thread (`sockets`), until `arrival` sees that all
are there. `worker` refuses it (`refusal`) where too many are under way. Else `fiber_worker` answers it: on the main
thread, in a `fiber`, which makes room for others while the model computes; or, where there is more to wait for, in a
thread (`turn`). There gunicorn's parser reads it (`reader`), `proxies` says who the client is; `envelope` gives an id
and counts the request against its client's `rate`; `routes` reads it (`body`, `schema`), and `explain` asks for a
text's words. `service` is what they share: the `slot` holds the model in use, whose `batcher` scores waiting requests
together, by the `predictor`, in a thread of `calls`.
`operation` has the calls of those who run it, and `openapi` the document. Whatever goes wrong is a Problem
(`problems`). On the way back `envelope` adds `headers`, figures (`metrics`) and a log line (`logs`).

The path of a model. `store` turns MODEL_URI, as far as `allow` lets it, into verified files (`remote`, `manifest`);
`loader` fills the slot with what `predictor` makes of them: `saved_model`, or `light` with `light_text` for its words.

The process. `app` puts an application together from `settings`, `gunicorn_conf` makes in the master what all workers
share (`shared`), `sharing` spreads connections over them, and `drain` ends one. `predict` needs no server: it scores
the texts of a command line.
"""

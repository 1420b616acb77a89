"""gunicorn's configuration: `gunicorn -c serving/gunicorn_conf.py 'serving.app:create_app()'`."""

import atexit
import gc
import math
import os
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # gunicorn reads this file before it looks for the app

from serving import logs, metrics, shared, sockets
from serving.settings import Settings, SettingsError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # not that there is no GPU, past all logging; errors are raised
try:
    _settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(str(error))


# Connections of a worker beyond the requests that it holds: kept ones, health checks, and who is told that it is full.
_RESERVE = 256


def _connections(most: int) -> int:
    """Connections that a worker can hold: one for which it has no file descriptor would end it.

    A quarter of the descriptors is left for its own files. The usual soft limit, 1024, is raised where it may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * most
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else min(most, soft * 3 // 4)


_reloads: list[int] = []  # asked for by SIGHUP before gunicorn hears it: it would end this process
signal.signal(signal.SIGHUP, lambda number, frame: _reloads.append(number))
shared.MASTER = os.getpid()
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = "serving.worker.Worker"
worker_connections = _connections(max(1000, _settings.threads + _settings.queue_requests + _RESERVE))
# The model is loaded after the fork: one that was loaded before hangs every request.
preload_app = False
# A heartbeat of the worker's main thread, which waits for nothing. Requests have limits of their own.
timeout = 60
graceful_timeout = _settings.graceful_seconds + math.ceil(_settings.drain_seconds)
keepalive = 30
forwarder_headers = ""  # gunicorn would take SCRIPT_NAME and PATH_INFO from any client on this machine
# Long texts come by POST; this holds a GET of about 900 characters that all need percent signs.
limit_request_line = 8190
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a heartbeat must not wait for a disk
control_socket_disable = True
forwarded_allow_ips = ""  # serving/proxies.py alone decides whose word is taken
logger_class = logs.NoAccessLog
logconfig_dict = logs.configuration(_settings.log_level)


def on_starting(server):
    """In the master, before there is a worker: all that can fail fails here, with one line."""
    if server.cfg.is_ssl:
        sys.exit("--certfile and --keyfile cannot be used: let the proxy in front of the service speak TLS.")
    from serving import predictor, store
    from serving.manifest import ModelError

    try:
        store.folder(_settings)
        # Shared by all workers: less memory for each, and a new one is ready sooner.
        with logs.without_remarks():
            predictor.import_runtime(_settings.serving_runtime)
        if _reloads:
            store.folder.cache_clear()
            store.folder(_settings)
    except ModelError as error:
        sys.exit(str(error))
    if _settings.log_texts:
        server.log.warning("LOG_TEXTS=true: the log holds what people send. Keep it as such data must be kept.")
    atexit.register(lambda: os.getpid() == shared.MASTER and metrics.remove_folder())  # also where nothing can be bound
    try:
        metrics.prepare_folder()
    except OSError as error:
        sys.exit(f"{metrics.FOLDER}={os.environ.get(metrics.FOLDER, '')} cannot be used: {error}")
    shared.prepare()
    gc.freeze()  # what is imported by now is shared by the workers, as long as no garbage collector writes to it
    # SIGHUP: each worker loads the new model beside the old one and then swaps. gunicorn's own way, new workers for old
    # ones, would answer 503 until they have loaded it.
    server.handle_hup = lambda: _reload(server)


def when_ready(server):
    """In the master, once it listens: on the command line gunicorn may have been told another address than HOST."""
    addresses = [listener.getsockname() for listener in server.LISTENERS] or server.cfg.address  # by --reuse-port
    if not _settings.api_key:
        for host, port, *_ in filter(_is_open, addresses):
            server.log.warning("Anyone who reaches %s:%s gets predictions: API_KEY is not set.", host, port)


def _is_open(address):
    """Whether others than this machine may reach it: no UNIX socket, whose address is its path, nor the loopback."""
    return isinstance(address, tuple) and not (address[0] in {"::1", "localhost"} or address[0].startswith("127."))


def _reload(server):
    shared.memory().board.ask_for_reload()  # for a worker that has no handler yet
    server.kill_workers(signal.SIGHUP)


def pre_fork(server, worker):
    """In the master, before each fork."""
    worker.place = shared.memory().board.reserve({other.place for other in server.WORKERS.values()})


def post_fork(server, worker):
    """In a new worker, which up to here had the master's handlers: what they put into its queue nobody reads."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get() == signal.SIGTERM:
            os._exit(0)
    for listener in worker.sockets:
        sockets.let_connect(listener)  # where the worker before it was told to end, and the service was not


def worker_exit(server, worker):
    """In a worker, when its last request is answered: TensorFlow would take seconds to tear itself down for nothing."""
    if worker.pid != os.getpid():
        return  # in the master, which has found a worker gone
    ending = sys.exc_info()[1]
    os._exit(ending.code if isinstance(ending, SystemExit) and isinstance(ending.code, int) else 1)


def child_exit(server, worker):
    """In the master, after a worker has ended."""
    metrics.forget_worker(worker.pid)
    shared.memory().board.clear(worker.place)

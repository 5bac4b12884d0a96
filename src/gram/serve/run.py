"""Start the server: bind the address, then let uvicorn serve."""

import contextlib
import errno
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from gram.machine import processors
from gram.serve.settings import Settings, to_environment, token

BACKLOG = 2048


def serve(weights: Sequence[str], settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM, then finish the running requests. ValueError or OSError with one sentence if the
    server cannot start."""
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
        from uvicorn.supervisors import Multiprocess
    except ImportError as error:
        raise ValueError(f"The server needs {error.name}; pip install 'gram-reasoning[serve]'.") from None
    token(settings)
    share_processors(settings)
    with bind(settings.host, settings.port) as bound, shared_metrics(settings.workers):
        from gram.serve import app

        if settings.workers == 1:
            models = app.served(weights, settings)
            made: Any = app.build(settings, lambda: models)
        else:
            app.opened(weights, settings.dtype)  # workers load their own; this reports errors once
            to_environment(tuple(weights), settings)
            made = "gram.serve.app:create"
        config = uvicorn.Config(
            made,
            factory=settings.workers > 1,
            workers=settings.workers,
            access_log=False,
            server_header=False,
            log_config=logs(),
            timeout_graceful_shutdown=int(settings.max_seconds) + 5,
            lifespan="on",
        )
        print(f"Serving on {address(bound)}; docs at {address(bound)}/docs.", file=sys.stderr, flush=True)
        if settings.workers > 1:
            Multiprocess(config, sockets=[bound]).run()
        else:
            uvicorn.Server(config).run(sockets=[bound])
    return 0


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at the address. ValueError if it is in use, not ours, or not an address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
            found.listen(BACKLOG)
            found.set_inheritable(True)
            return found
        except BaseException:
            found.close()
            raise
    except socket.gaierror:
        raise ValueError(f"{host!r} is not an address; give --host an address of this machine.") from None
    except OSError as error:
        said = {
            errno.EADDRINUSE: f"Port {port} of {host} is in use; choose another with --port, or 0 for a free one.",
            errno.EACCES: f"Port {port} needs special rights on this machine; choose one above 1023 with --port.",
            errno.EADDRNOTAVAIL: f"{host} is not an address of this machine; give --host one that is.",
        }
        raise ValueError(said.get(error.errno or 0, f"Cannot listen on {host}, port {port}: {error}.")) from None


def address(bound: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def share_processors(settings: Settings) -> None:
    """Limit the threads of torch in this process and its workers. Must run before torch is imported."""
    threads = settings.threads or max(1, processors() // settings.workers)
    if settings.threads or settings.workers > 1:
        os.environ["OMP_NUM_THREADS"] = str(threads)


@contextlib.contextmanager
def shared_metrics(workers: int) -> Iterator[None]:
    """A folder in which several workers combine their metrics."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gram-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def logs() -> dict[str, Any]:
    """One line on standard error for each request and server event; puzzles are never logged."""
    errors = {"handlers": ["error"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
        "handlers": {"error": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "loggers": {"uvicorn": errors, "gram.serve": errors, "uvicorn.error": {"level": logging.WARNING}},
    }

"""Several ranks of one training, as torchrun would start them, forked from this process: nothing is loaded again."""

import multiprocessing
import os
import socket
from collections.abc import Callable


def rank(call: Callable[[], object], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    call()
    os._exit(0)  # how torch takes its threads down is not what is tested


def together(call: Callable[[], object], count: int = 2) -> None:
    """Run `call` on each rank of a group, and see all of them end well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    context = multiprocessing.get_context("fork")
    started = []
    for number in range(count):
        own = {"RANK": str(number), "LOCAL_RANK": str(number)}
        started.append(context.Process(target=rank, args=(call, group | own), daemon=True))
        started[-1].start()
    try:
        for process in started:
            process.join(120)
        assert [process.exitcode for process in started] == [0] * count
    finally:
        for process in started:
            process.kill()

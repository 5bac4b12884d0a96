"""Threads for parallel computation. A forked process creates them again, since threads do not survive a fork."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Threads:
    """A number of threads that share the calls of `map`. A pickled copy starts its own."""

    def __init__(self, count: int):
        self.count = count
        self.pools: dict[int, ThreadPoolExecutor] = {}
        """Pools by process: a forked process inherits its parent's entry, but not the threads."""
        self.pool()

    def map(self, function: Callable[..., Any], *items: Any) -> Iterator[Any]:
        """The results, in the order of the items."""
        return self.pool().map(function, *items)

    def pool(self) -> ThreadPoolExecutor:
        """The pool of this process."""
        process = os.getpid()
        if process not in self.pools:
            self.pools = {
                process: self.start()
            }  # no lock, since a fork can copy a locked one; at worst there is one pool too many
        return self.pools[process]

    def start(self) -> ThreadPoolExecutor:
        """A pool whose threads are all running and have called `begin`."""
        pool = ThreadPoolExecutor(self.count, initializer=self.begin)
        together = threading.Barrier(self.count)
        list(pool.map(lambda _: together.wait(), range(self.count)))
        return pool

    def begin(self) -> None:
        """Called first in each thread."""

    def close(self) -> None:
        """Stop the threads of this process; `map` starts new ones."""
        if pool := self.pools.pop(os.getpid(), None):
            pool.shutdown()

    def __reduce__(self):
        return type(self), (self.count,)

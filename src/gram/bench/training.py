"""Timed training, using the loop of `gram train`."""

import dataclasses
import math
import statistics
from typing import Any

from gram import tasks
from gram.bench.clock import Clock, Memory, Peak, spread
from gram.config import Config
from gram.models.device import arithmetic
from gram.models.recursive import Model
from gram.train.flops import of_update
from gram.train.log import Log, NullLog
from gram.train.memory import check_memory
from gram.train.parallel import World
from gram.train.run import Run


class Training:
    """A warmed-up run of `config`. Each repetition makes enough updates to take at least `least` seconds."""

    def __init__(self, config: Config, clock: Clock, least: float = 1.0, log: Log | None = None):
        """ValueError if the batch does not fit into memory."""
        self.config, self.clock, self.memory = config, clock, Memory(clock.device)
        task = tasks.of(config)
        self.dtype, _ = arithmetic(config.train.dtype, config.model.width, clock.device)
        self.cost = of_update(config, task, self.dtype)
        self.parameters = sum(p.numel() for p in Model(task.spec, config.model).parameters())
        check_memory(config.train.batch, self.cost, self.parameters, clock.device)
        config = dataclasses.replace(config, train=dataclasses.replace(config.train, dtype=str(self.dtype)[6:]))
        self.run = Run(config, task, World(0, 1, clock.device), log or NullLog())
        self.first_seconds = clock.time(self.first)
        self.updates = max(1, math.ceil(least / clock.time(self.run.update)))
        self.rates: list[float] = []

    def first(self) -> None:
        """Make the first update, which compiles."""
        try:
            self.run.update()
        except RuntimeError as error:
            self.run.without_compiler(error)

    def repeat(self) -> None:
        self.memory.reset()
        seconds = self.clock.time(lambda: [self.run.update() for _ in range(self.updates)])
        self.rates.append(self.updates / seconds)
        self.memory.observe()

    def shapes(self) -> list[tuple[int, int, int]]:
        """(rows, inputs, outputs) of the largest products of an update."""
        c = self.config.model
        rows = self.config.train.batch * self.run.model.rows
        return [(rows, c.width, 2 * c.hidden), (rows, c.hidden, c.width)]

    def metrics(self, peak: Peak) -> dict[str, Any]:
        """Medians over repetitions; rates are per second."""
        batch = self.config.train.batch
        shares = [r * batch * self.cost.operations / best for r, best in zip(self.rates, peak.best, strict=True)]
        rate = statistics.median(self.rates)
        return {
            "recipe": self.config.recipe,
            "task": self.config.task,
            "parameters": self.parameters,
            "batch": batch,
            "dtype": str(self.dtype)[6:],
            "compiled": self.run.compiled,
            "first_update_seconds": self.first_seconds,
            "updates_per_second": rate,
            "example_steps_per_second": rate * batch,
            "spread": spread(self.rates),
            "operations_per_example_step": self.cost.operations,
            "share_of_peak": statistics.median(shares),
        } | self.memory.metrics()

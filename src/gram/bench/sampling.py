"""Timed sampling: many puzzles in parallel, and one at a time."""

import statistics
from typing import Any

import numpy as np

from gram import tasks
from gram import weights as weight_files
from gram.bench.clock import Clock, Memory, Peak, spread
from gram.config import Config
from gram.models.build import build, cast
from gram.models.device import arithmetic
from gram.models.recursive import Model
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import sample
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.data.store import load_examples
from gram.train.flops import of_step


class Sampling:
    """Dev puzzles, answered with the shipped weights of a recipe or, if it has none, by an untrained network at full
    depth."""

    def __init__(
        self, config: Config, clock: Clock, dtype: str, *, puzzles: int, width: int | None, select: Any, compile: bool
    ):
        """compile: whether to compile the network on a GPU."""
        self.clock, self.memory, self.select = clock, Memory(clock.device), select
        self.trained = config.recipe in weight_files.shipped()
        if self.trained:
            config, model = weight_files.load(config.recipe)
        else:
            model = build(tasks.of(config).spec, config.model).eval()
        assert isinstance(model, Model)
        model = model.to(clock.device)
        self.dtype, _ = arithmetic(dtype, config.model.width, clock.device)
        self.config, self.width = config, width or config.solve.width
        compile = compile and clock.device.type == "cuda"
        self.reasoner = Reasoner(config, TorchNetwork(cast(model, self.dtype), compile=compile))
        self.inputs = load_examples(self.reasoner.task, config.dev[:1], "dev", count=puzzles).inputs
        self.cost = of_step(model)
        self.rows = self.reasoner.network.active_rows
        self.seconds: list[float] = []
        self.alone: list[list[float]] = []
        self.evaluations = self.many()
        self.one(self.inputs[0])

    def many(self) -> int:
        """Run all trajectories of all puzzles. Returns the function evaluations."""
        c = self.config.solve
        options = {"halt_threshold": c.halt_threshold, "restart_every": c.restart_every} if self.trained else {}
        network, task = self.reasoner.network, self.reasoner.task
        found = sample(network, task, self.inputs, width=self.width, depth=c.depth, **options)
        return sum(trajectories.evaluations for trajectories in found)

    def one(self, puzzle: np.ndarray) -> None:
        """Answer one puzzle from text to checked answer, as `gram solve` does."""
        self.reasoner.solve(puzzle[None], width=self.width, select=self.select)

    def repeat(self) -> None:
        self.memory.reset()
        self.seconds.append(self.clock.time(self.many))
        self.alone.append([self.clock.time(lambda puzzle=puzzle: self.one(puzzle)) for puzzle in self.inputs])
        self.memory.observe()

    def shapes(self) -> list[tuple[int, int, int]]:
        """(rows, inputs, outputs) of the largest products of a step."""
        c, rows = self.config.model, self.rows * self.reasoner.network.start_shape[1]
        return [(rows, c.width, 2 * c.hidden), (rows, c.hidden, c.width)]

    def metrics(self, peak: Peak) -> dict[str, Any]:
        """Medians over repetitions. Percentiles are over puzzles, using the median of each puzzle's repetitions."""
        work = self.evaluations * self.cost.operations
        shares = [work / s / best for s, best in zip(self.seconds, peak.best, strict=True)]
        p50, p95 = np.percentile(np.median(self.alone, axis=0), [50, 95])
        seconds = statistics.median(self.seconds)
        return (
            {
                "recipe": self.config.recipe,
                "task": self.config.task,
                "parameters": sum(p.numel() for p in self.reasoner.network.model.parameters()),  # pyright: ignore
                "trained": self.trained,
                "dtype": str(self.dtype)[6:],
                "puzzles": len(self.inputs),
                "width": self.width,
                "depth": self.config.solve.depth,
                "select": self.select or self.config.solve.select,
                "puzzles_per_second": len(self.inputs) / seconds,
                "evaluations_per_second": self.evaluations / seconds,
                "spread": spread(self.seconds),
                "one_puzzle_p50_ms": 1e3 * float(p50),
                "one_puzzle_p95_ms": 1e3 * float(p95),
                "operations_per_evaluation": self.cost.operations,
                "share_of_peak": statistics.median(shares),
            }
            | self.memory.metrics()
        )

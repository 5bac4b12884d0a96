"""Reports of a running training: metrics, dev evaluations, and warnings."""

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gram.config import Config
from gram.measure.likelihood import baseline_elbo, full_elbo, order_bound
from gram.measure.puzzles import evaluate
from gram.measure.samples import metrics as metrics_of
from gram.models.build import AnyModel
from gram.models.recursive import Model
from gram.progress import clock
from gram.solve import generate
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.base import Task
from gram.tasks.data.store import load_examples
from gram.tasks.spec import PAD, Examples
from gram.train import watch
from gram.train.budget import Progress
from gram.train.log import Log
from gram.train.objective import Update
from gram.train.optim import warmed_beta
from gram.train.parallel import World

EVERY = 50  # updates between lines of metrics
WIDTH = 8  # samples per dev puzzle while training
COLUMNS = 79  # of the progress line
FEW = 8  # dev puzzles, to measure the cost of one


class Monitor:
    """Collects on the device, writes every 50 updates; evaluates the averaged weights on dev data."""

    def __init__(
        self,
        model: AnyModel,
        task: Task,
        config: Config,
        log: Log,
        world: World,
        update: int,
        most: float = math.inf,
    ):
        """most: maximum nats of an answer (gram.train.watch)."""
        self.model, self.task, self.config, self.log, self.world = model, task, config, log, world
        c = config.train
        self.dev = load_examples(task, config.dev, "dev", seed=1, count=c.evaluate_examples)
        self.most = most
        self.leak: str | None = None
        """The message of the last metrics about posterior leakage."""
        self.collapsed = False
        """Whether diversity had collapsed at the last evaluation."""
        self.sums: dict[str, Tensor] = {}
        self.began = (time.monotonic(), update)
        self.last = ""
        self.word = "valid" if task.checkable else "known"
        """Meaning of `prior_validity`: correct answers, or answers among the known targets."""
        self.each = 0.0
        """Seconds per dev puzzle in the last evaluation."""
        self.warned: set[str] = set()

    # every update -----------------------------------------------------------------------------------------
    def observe(self, progress: Progress, result: Update, on_prior: Tensor) -> None:
        """Add one update to the sums, by supervision step; write them every 50 updates."""
        N = self.config.train.N_sup
        step = result.done - 1
        for name, row, mask in (
            ("ce", result.rows["ce"], ~on_prior),
            ("kl", result.rows["true_kl"], ~on_prior),
            ("posterior_accuracy", result.rows["exact"].float(), ~on_prior),
            ("prior_validity", result.rows["right"].float(), on_prior),
        ):
            total = self.sums.setdefault(name, torch.zeros(2, N, device=row.device))
            total[0].index_add_(0, step[mask], row[mask])
            total[1].index_add_(0, step[mask], torch.ones_like(row[mask]))
        if progress.update % EVERY == 0:
            self.flush(progress)

    def flush(self, progress: Progress) -> None:
        """Write the means over all ranks since the last flush and renew the progress line."""
        if not self.sums:
            return
        values: dict[str, list[float] | float] = {}
        for name, sums in self.sums.items():
            total, count = self.world.sum(sums)
            if count.sum() > 0:
                values[name] = float(total.sum() / count.sum())
                values[f"{name}_by_step"] = [round(v, 5) for v in (total / count.clamp(min=1)).tolist()]
        self.sums = {}
        now = time.monotonic()
        speed = (progress.update - self.began[1]) / max(1e-9, now - self.began[0])
        self.began = (now, progress.update)
        share = progress.share(self.config)
        self.leak = watch.leak(share, values, self.most) if self.config.train.cure else None
        progress.means = {k: v for k, v in values.items() if isinstance(v, float)}
        beta = warmed_beta(share, self.config.train)
        now_at = {"update": progress.update, "seconds": round(progress.seconds, 2), "beta": round(beta, 5)}
        now_at["share"] = round(share, 5)
        self.log.write("train", now_at | {"updates_per_second": speed} | values)
        self.log.progress(self.line(progress, speed))

    def line(self, progress: Progress, speed: float) -> str:
        """The progress line: first the validity of prior samples, then as many other metrics as fit."""
        m = progress.means
        correct = "prior_validity" if self.model.stochastic else "posterior_accuracy"
        tells = correct in m and not self.config.model.guesses  # its training inputs hold a part of the answer
        parts = [f"{self.word} {m[correct]:.3f}"] if tells else []
        parts += [self.last] if self.last else []
        parts += [f"{clock(progress.left(self.config))} left", f"update {progress.update}", f"{speed:.1f}/s"]
        others = {"ce": "ce"} | ({"kl": "kl", "posterior": "posterior_accuracy"} if self.model.stochastic else {})
        parts += [f"{name} {m[key]:.3f}" for name, key in others.items() if key in m]
        while len(text := "  ".join(parts)) > COLUMNS:
            parts.pop()
        return text

    # evaluations ------------------------------------------------------------------------------------------
    def review(self, progress: Progress) -> tuple[float, float]:
        """Evaluate if there is time. Returns whether the target is reached and whether diversity has collapsed, as 0 or
        1."""
        if self.config.train.minutes is not None and self.each * len(self.dev) > progress.left(self.config):
            return 0.0, 0.0
        valid, target = self.evaluate(progress)["valid"], self.config.train.target
        reached = target is not None and valid is not None and valid >= target
        if reached:
            self.log.say(f"The target is reached: {valid:.3f} of dev samples are {self.word}, of {target:g}.")
        return float(reached), float(self.collapsed)

    def within(self, seconds: float | None) -> Examples:
        """As many dev puzzles as can be evaluated in `seconds`; None means all."""
        if seconds is None or len(self.dev) <= FEW:
            return self.dev
        if not self.each:
            begin = time.monotonic()
            self.metrics(self.dev.select(np.arange(FEW)))
            self.each = (time.monotonic() - begin) / FEW
        return self.dev.select(np.arange(max(FEW, min(len(self.dev), int(seconds / max(1e-9, self.each))))))

    def evaluate(self, progress: Progress, seconds: float | None = None) -> dict:
        """Prior samples of the averaged weights on dev puzzles (for p(x): as many samples), and the full bound; warns
        of problems. Uses fewer puzzles if `seconds` require it."""
        dev = self.within(seconds)
        begin = time.monotonic()
        metrics = self.metrics(dev)
        self.each = (time.monotonic() - begin) / len(dev)
        now_at = {"update": progress.update, "trained_seconds": round(progress.seconds, 2)}
        self.log.write("dev", now_at | metrics)
        names = (("valid", self.word), ("coverage", "coverage"), ("distinct", "distinct"))
        parts = [f"{name} {metrics[k]:.3f}" for k, name in names if metrics.get(k) is not None]
        self.last = "" if metrics.get("valid") is None else f"dev {metrics['valid']:.3f}"
        parts += [f"elbo {metrics['elbo']:.2f}"] if "elbo" in metrics else []
        self.log.say(f"{clock(progress.seconds)}  update {progress.update}  dev: {', '.join(parts)}")
        if isinstance(self.model, Model):
            self.warn(progress, metrics)
        return metrics

    def metrics(self, dev: Examples) -> dict[str, Any]:
        """The metrics of `evaluate` on `dev`."""
        stochastic, recursive = self.model.stochastic, isinstance(self.model, Model)
        network, c = TorchNetwork(self.model), self.config.train
        guesses, solve = self.config.model.guesses, self.config.solve
        halts = guesses or not recursive  # the heads of other networks are fitted later
        options: dict[str, Any] = {"depth": solve.depth if halts else min(2 * c.N_sup, solve.depth), "seed": c.seed}
        options["halt_threshold"] = solve.halt_threshold if halts else None
        if self.task.unconditional:
            samples = generate.draw(network, task := self.task.sampled(), width=c.evaluate_examples, **options)
            metrics = metrics_of(task, samples)
        else:
            width = WIDTH if stochastic or guesses else 1
            found = evaluate((network, self.task), dev, width=width, select="majority", **options)
            metrics = found.to_dict()
        if stochastic:
            metrics |= self.bound(dev)
        elif guesses and isinstance(self.model, Model):
            first = dev.targets[dev.first[:-1]]
            metrics["elbo"] = order_bound(self.model, self.task, dev.inputs, first, seed=c.seed)
        return metrics

    def bound(self, dev: Examples, rows: int = 64) -> dict[str, float | list[float]]:
        """Full ELBO in nats per puzzle on the first target of some dev puzzles, or on some targets of a single one."""
        chosen = (dev.first[:-1] if len(dev) > 1 else np.arange(len(dev.targets)))[:rows]
        owners = np.searchsorted(dev.first, chosen, side="right") - 1
        x = torch.from_numpy(dev.inputs[owners].astype(np.int64))
        y = torch.from_numpy(dev.targets[chosen].astype(np.int64))
        device = next(self.model.parameters()).device
        c = self.config.train
        x, y, generator = x.to(device), y.to(device), torch.Generator().manual_seed(c.seed)
        if isinstance(self.model, Model):
            options: Any = {"N_sup": c.N_sup, "posterior_transitions": c.posterior_transitions}
            bound = full_elbo(self.model, x, y, **options, generator=generator)
        else:
            bound = baseline_elbo(self.model, x, y, generator=generator)
        assert (y != PAD).any(1).all()
        return {"elbo": bound.elbo, "reconstruction": bound.reconstruction, "kl_by_step_dev": bound.kl}

    def warn(self, progress: Progress, metrics: dict) -> None:
        """Warn of posterior leakage (the posterior is then a code channel for the answer), of answers learned by heart
        or of collapsed diversity, and name a remedy."""
        posterior = progress.means.get("posterior_accuracy", 0.0)
        ruled = self.task.rules and progress.share(self.config) > 0.3
        # also on training puzzles, since those of dev may be impossible for the network (ARC)
        prior = max(metrics["valid"] or 0.0, progress.means.get("prior_validity", 0.0))
        stochastic, undecided = self.model.stochastic, self.config.train.answers == "auto"
        guesses = self.config.model.guesses  # whose training inputs hold a part of the answer
        if ruled and not (stochastic or guesses or undecided) and posterior > 0.9 and prior < 0.5 * posterior:
            self.once(
                "by heart",
                f"Warning: {posterior:.0%} of the training answers are right, but only {prior:.0%} of held-out ones: "
                "they are learned by heart. More data help, more time does not.",
            )
        if ruled and stochastic and posterior > 0.8 and prior < 0.1 * posterior:
            lever = (
                "set train.posterior_transitions to last"
                if self.config.train.posterior_transitions == "all"
                else "raise train.beta or train for longer"
            )
            self.once(
                "posterior leakage",
                f"Warning: the posterior solves {posterior:.0%} of the rows but the prior only {prior:.0%}: "
                f"this is posterior leakage. Remedy: {lever}.",
            )
        many = metrics.get("coverage_share_many")
        self.collapsed = many is not None and metrics["valid"] > 0.5 and many < 0.3
        if self.collapsed:
            self.once(
                "diversity",
                f"Warning: on puzzles with several solutions only {many:.0%} of the expected ones are found: diversity "
                "has collapsed. Remedy: lower train.beta, or raise solve.temperature.",
            )

    def once(self, key: str, text: str) -> None:
        if key not in self.warned:
            self.warned.add(key)
            self.log.warn(text)

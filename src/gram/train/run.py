"""One training run: its state, and the update, which is one supervision step of every active row."""

import dataclasses
import logging
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gram.config import Config
from gram.models.build import AnyModel, build
from gram.models.core import State
from gram.models.device import arithmetic
from gram.models.recursive import Model
from gram.tasks.base import Task
from gram.tasks.data.store import training_examples
from gram.tasks.spec import Examples
from gram.train import checkpoint, parallel
from gram.train.baselines import BaselineLearner
from gram.train.batches import Batches, Carry, empty_carry, leaders, refill, retarget
from gram.train.budget import Progress, crowding, uncompiled
from gram.train.candidates import CandidateLearner, Pool, check_task
from gram.train.log import Log
from gram.train.objective import Inputs, Learner, Left, Update
from gram.train.optim import PuzzleVectors, averaged, gradient_norm, optimizers, schedule, warmed_beta
from gram.train.parallel import World
from gram.train.start import begin_with
from gram.train.stopping import NotFinite

NOISE = 4  # purpose number of the noise stream; the data use 1, random starts 2


class Run:
    """The state of a training run: new, with the weights of the folder `start`, or restored from the checkpoint
    `state`."""

    def __init__(
        self,
        config: Config,
        task: Task,
        world: World,
        log: Log,
        state: dict[str, Any] | None = None,
        start: Path | None = None,
        examples: Examples | None = None,
    ):
        """examples: those of `config.data`, if they have been read."""
        c = config.train
        self.config, self.task, self.world, self.log = config, task, world, log
        if config.model.candidates:
            check_task(task)
        train = training_examples(task, config.data, config.generated) if examples is None else examples
        model = build(task.spec, config.model, seed=c.seed)
        if start is not None and (added := begin_with(model, task, start)):
            log.say(f"New symbols, which the weights must still learn: {' '.join(added)}.")
        if state is not None and c.dtype == "auto":  # another measurement might give a different result
            model.dtype, reason = getattr(torch, state["dtype"]), "as before"
        else:
            model.dtype, reason = world.first(arithmetic(c.dtype, config.model.width, world.device))
        self.model = model.to(world.device)
        self.rows = world.rows(c.batch)
        self.pool = None
        self.learner = self.learner_of(model)
        compile_reason = self.compile()
        self.forward = parallel.distributed(self.learner, world)
        self.optimizers = optimizers(model, c)
        self.vectors = PuzzleVectors(model, c, world) if isinstance(model, Model) else None
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.ema = averaged(model, c.ema)
        self.average = cast(AnyModel, self.ema.module)
        on_prior = self.learner.prior_rows(c.batch)
        self.batches = self.batches_of(train, leaders(on_prior.numpy(), c.prior_together, world.size))
        self.carry = empty_carry(model, self.rows, c.N_sup, world.device)
        self.on_prior = on_prior[self.rows].to(world.device)
        self.progress = Progress()
        self.generator = torch.Generator(world.device)  # drawing on a CPU would take longer than computing on a GPU
        if state is not None:
            self.take_over(state)
        size, dtype = sum(p.numel() for p in model.parameters()), str(model.dtype).removeprefix("torch.")
        amount = f"{len(train.targets):,} samples" if task.unconditional else f"{len(train):,} puzzles"
        if task.spec.name != config.recipe:
            amount += f" of {task.spec.name}"
        processes = f", {world.size} processes" if world.size > 1 else ""
        log.say(
            f"{config.recipe}: {amount}, {size:,} parameters, mixer {config.model.mixer}, {dtype} ({reason}), "
            f"{compile_reason}{processes}"
        )

    def learner_of(self, model: AnyModel) -> Learner | CandidateLearner | BaselineLearner:
        """The model with its objective, and the searches of a model with candidates."""
        c = self.config.train
        if not isinstance(model, Model):
            return BaselineLearner(model, c)
        if not self.config.model.candidates:
            return Learner(model, c, self.task.check)
        self.pool = Pool(self.task, self.rows, c.seed, self.config.solve.give_up_below)
        return CandidateLearner(model, c, self.world.sum)

    def compile(self) -> str:
        """Compile the learner's part of the network if that pays. Returns whether it did, or why not."""
        c = self.config.train
        timed = c.compile and c.minutes is not None
        wish = uncompiled(self.config, self.world.first(crowding()) if timed else 1.0).train.compile
        self.learner.inner, reason = parallel.compiled(self.learner.inner, wish, self.world.device)
        self.compiled = reason == "compiled"
        return f"{reason} (too few minutes)" if timed and not wish else reason

    def batches_of(self, train: Examples, leader: np.ndarray) -> Batches:
        """The examples of each update; `leader`: see Batches."""
        c = self.config.train
        guard = not (self.config.data or self.task.own_splits)  # files bring their own splits
        options = {"augment": c.augment, "guard": guard, "guesses": self.config.model.guesses}
        return Batches(self.task, train, batch=c.batch, seed=c.seed, leader=leader, **options)

    # one update -------------------------------------------------------------------------------------------
    def noise(self) -> Tensor | None:
        """N(0, I) for the rows of this rank, (T, B, *noise_shape[1:]); drawn for the global batch, so that it does not
        depend on the number of ranks."""
        if not self.model.stochastic:
            return None
        self.generator.manual_seed(parallel.stream(self.config.train.seed, NOISE, self.progress.update))
        T, *one = self.model.noise_shape
        shape = T, self.config.train.batch, *one
        drawn = torch.randn(shape, generator=self.generator, device=self.world.device)
        return drawn[:, self.rows[0] : self.rows[-1] + 1]

    def inputs(self) -> Inputs:
        """The inputs of this update, after replacing finished rows."""
        c, carry, progress = self.config.train, self.carry, self.progress
        fresh = refill(
            carry, self.model, self.batches, progress.update, self.rows, c.N_sup, c.carry == "rolling", progress.begun
        )
        x = carry.x
        left = None
        if self.pool:
            self.pool.begin(fresh.cpu().numpy(), carry.x[fresh].cpu().numpy(), self.targets(fresh))
            x = self.pool.tokens().to(self.world.device)
            left = Left(*(z.to(self.world.device) for z in self.pool.left()))
        identity = self.vectors.take(carry.x) if self.vectors else None
        rows = carry.state, self.noise(), carry.done, carry.pooled, self.on_prior
        return Inputs(x, carry.y, *rows, identity, left)

    def targets(self, rows: Tensor) -> list[np.ndarray]:
        """All correct targets (S, L) of the puzzle of each of these rows (n,)."""
        carry = self.carry
        index, positions, tokens = (t[rows].cpu().numpy() for t in (carry.index, carry.positions, carry.tokens))
        return [self.batches.seen(int(i), p, t) for i, p, t in zip(index, positions, tokens, strict=True)]

    def assign_targets(self, inputs: Inputs, out: Any) -> Inputs:
        """Assign new targets, matching their first answer, to rows on the prior that learn to answer."""
        first = inputs.first
        if not (self.config.train.prior_learns and bool(first.any())):
            return inputs
        logits = out.logits.detach()
        self.carry.y = retarget(self.carry, self.batches, self.progress.update, self.rows, first, logits)
        return inputs._replace(y=self.carry.y)

    def update(self) -> Update:
        """Take one supervision step of every row and one optimizer step."""
        c, progress = self.config.train, self.progress
        self.learner.beta = warmed_beta(progress.share(self.config), c)
        inputs = self.inputs()
        out = self.forward(inputs)
        inputs = self.assign_targets(inputs, out)
        result: Update = self.learner.objective(inputs, out)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        result.loss.backward()
        norm = gradient_norm(list(self.model.parameters()))
        broken = not bool(torch.isfinite(norm + result.loss.detach()))
        if any(self.world.largest(broken)):
            error = NotFinite(f"The loss is not finite at update {progress.update}; lower train.lr or use float32")
            return self.without_compiler(error)
        factor = schedule(progress.update - progress.begun, progress.share(self.config), c)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
        if self.vectors:
            self.vectors.step(self.carry.x, inputs.identity, factor)
        self.ema.update_parameters(self.model)
        done = torch.where(result.finished, c.N_sup, result.done)
        self.carry = dataclasses.replace(self.carry, state=result.state, pooled=result.pooled, done=done)
        if self.pool:
            self.search(self.pool, result)
        progress.update += 1
        return result

    def search(self, pool: Pool, result: Update) -> None:
        """One round of every search. Searches that took back a guess restart their state; ended ones are replaced."""
        advanced = pool.advance(self.progress.update, result.outputs)
        over, back = (torch.from_numpy(z).to(self.world.device) for z in advanced)
        initial = self.model.initial(1)
        h, l = (torch.where(back[:, None, None], z0, z) for z0, z in zip(initial, self.carry.state, strict=True))  # noqa: E741
        done = torch.where(over, self.config.train.N_sup, self.carry.done)
        self.carry = dataclasses.replace(self.carry, state=State(h, l), done=done)

    def without_compiler(self, error: RuntimeError | NotFinite) -> Update:
        """Repeat the update that failed with `error`, uncompiled like all that follow. Raises `error` unless the
        compiler caused it, whose bfloat16 gradients are NaN on some processors (docs/log/speed.md, 2026-11-27)."""
        suspect = isinstance(error, NotFinite) or parallel.compiler_failed(error)
        if not (self.compiled and suspect):
            raise error
        self.learner.inner, self.compiled = self.learner.plain, False
        first = str(error).strip().splitlines()[0]
        self.log.say(f"torch.compile failed ({first}); continuing without it, which is slower.", logging.WARNING)
        return self.update()

    # state ------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, for any number of ranks."""
        return {
            "fixed": checkpoint.fixed(self.config),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "progress": dataclasses.asdict(self.progress),
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "carry": self.world.gather(self.carry.tensors() | (self.pool.tensors() if self.pool else {})),
        }

    def take_over(self, state: dict[str, Any]) -> None:
        """`restore`. ValueError for a checkpoint of another run."""
        try:
            self.restore(state)
        except (KeyError, TypeError, AttributeError, IndexError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__
            raise ValueError(
                f"The last checkpoint is not of this run ({reason}); remove it to continue from the previous one."
            ) from None

    def restore(self, state: dict[str, Any]) -> None:
        self.progress = Progress(**state["progress"])
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            groups = optimizer.state_dict()["param_groups"]  # from the config, whose weight decay may differ
            if not all(0 <= float(each.get("step", 0)) < 1e12 for each in saved["state"].values()):
                raise ValueError("an optimizer has made an impossible number of steps")
            optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
        carry = {k: t[torch.from_numpy(self.rows)].to(self.world.device) for k, t in state["carry"].items()}
        carry |= {k: carry[k].to(self.model.dtype) for k in ("h", "l")}
        spec, examples = self.task.spec, len(self.batches.examples)
        digits = 256 if spec.identities else spec.vocabulary  # the number of an ARC puzzle stands before its cells
        bounds = {"x": digits, "y": spec.vocabulary, "tokens": spec.vocabulary, "positions": spec.length}
        checkpoint.within(carry, bounds | {"done": self.config.train.N_sup + 1, "index": examples})
        if self.pool:
            self.pool.restore({name: carry.pop(name) for name in self.pool.tensors()})
        self.carry = Carry.of(carry)
        if self.pool:
            rows = torch.arange(len(self.rows), device=self.world.device)
            self.pool.know(rows.cpu().numpy(), self.targets(rows))

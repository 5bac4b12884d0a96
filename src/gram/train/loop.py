"""The training loop: for every update, one supervision step of every active row."""

import contextlib
import dataclasses
import gc
import math
import time
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from gram import tasks
from gram import weights as weight_files
from gram.atomic import lock
from gram.config import Config
from gram.measure.record import TRAINING
from gram.models.build import AnyModel, build
from gram.models.core import State
from gram.models.device import arithmetic
from gram.models.recursive import Model
from gram.tasks.base import Task
from gram.tasks.data.store import load_examples
from gram.train import checkpoint, parallel, watch
from gram.train.baselines import BaselineLearner
from gram.train.batches import Batches, Carry, empty_carry, leaders, refill, retarget
from gram.train.budget import Progress, crowding, kept, uncompiled
from gram.train.candidates import CandidateLearner, Pool
from gram.train.heads import DEV, fit_heads
from gram.train.log import Log, NullLog
from gram.train.memory import check_batch
from gram.train.monitor import Monitor
from gram.train.objective import Inputs, Learner, Update
from gram.train.optim import PuzzleVectors, averaged, gradient_norm, optimizers, schedule, warmed_beta
from gram.train.parallel import World
from gram.train.start import begin_with
from gram.train.stopping import Anew, Interrupted, NotFinite, stop_signals

NOISE = 4  # purpose number of the noise stream; the data use 1, random starts 2


class Run:
    """Everything that one training run holds: new, with the weights of the folder `start`, or as it was in the
    checkpoint `state`."""

    def __init__(
        self,
        config: Config,
        task: Task,
        world: World,
        log: Log,
        state: dict[str, Any] | None = None,
        start: Path | None = None,
    ):
        c = config.train
        self.config, self.task, self.world, self.log = config, task, world, log
        train = load_examples(task, config.data, "train")
        model = build(task.spec, config.model, seed=c.seed)
        if start is not None and (added := begin_with(model, task, start)):
            log.say(f"New symbols, which the weights have yet to learn: {' '.join(added)}.")
        if state is not None and c.dtype == "auto":  # measured again it might come out differently
            model.dtype, reason = getattr(torch, state["dtype"]), "as before"
        else:
            model.dtype, reason = world.first(arithmetic(c.dtype, config.model.width, world.device))
        self.model = model.to(world.device)
        ours = isinstance(model, Model)
        self.pool = None
        if ours and config.model.candidates:
            self.learner = CandidateLearner(model, c, world.sum)
            self.pool = Pool(task.spec, world.rows(c.batch), c.seed, config.solve.give_up_below)
        else:
            self.learner = Learner(model, c, task.check) if ours else BaselineLearner(model, c)
        timed = c.compile and c.minutes is not None
        wish = uncompiled(config, world.first(crowding()) if timed else 1.0).train.compile
        self.learner.inner, compile_reason = parallel.compiled(self.learner.inner, wish, world.device)
        self.compiled = compile_reason == "compiled"
        several = world.size > 1
        self.forward = DistributedDataParallel(self.learner, broadcast_buffers=False) if several else self.learner
        self.optimizers = optimizers(model, c)
        self.vectors = PuzzleVectors(model, c, world) if isinstance(model, Model) else None
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.ema = averaged(model, c.ema)
        self.average = cast(AnyModel, self.ema.module)
        self.rows = world.rows(c.batch)
        guard = not (config.data or task.own_splits)  # files bring their own splits
        on_prior = self.learner.prior_rows(c.batch)
        leader = leaders(on_prior.numpy(), c.prior_together, world.size)
        self.batches = Batches(task, train, batch=c.batch, seed=c.seed, augment=c.augment, guard=guard, leader=leader)
        self.carry = empty_carry(model, self.rows, c.N_sup, world.device)
        self.on_prior = on_prior[self.rows].to(world.device)
        self.progress = Progress()
        self.generator = torch.Generator(world.device)  # a CPU would take longer to draw than a GPU to think
        if state is not None:
            try:
                self.restore(state)
            except (KeyError, TypeError, AttributeError, IndexError, RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__
                raise ValueError(
                    f"The last checkpoint is not of this run ({reason}); remove it to go on from the one before."
                ) from None
        size, dtype = sum(p.numel() for p in model.parameters()), str(model.dtype).removeprefix("torch.")
        amount = f"{len(train.targets):,} samples" if task.unconditional else f"{len(train):,} puzzles"
        log.say(
            f"{config.recipe}: {amount} of {task.spec.name}, {size:,} parameters, mixer {config.model.mixer}, {dtype} "
            f"({reason}), {compile_reason}, {world.size} process(es)"
        )

    # one update -------------------------------------------------------------------------------------------
    def noise(self) -> Tensor | None:
        """N(0, I) for the rows of this rank, (T, B, *noise_shape[1:]); drawn for the global batch, so that ranks do not
        matter."""
        if not self.model.stochastic:
            return None
        self.generator.manual_seed(parallel.stream(self.config.train.seed, NOISE, self.progress.update))
        T, *one = self.model.noise_shape
        shape = T, self.config.train.batch, *one
        drawn = torch.randn(shape, generator=self.generator, device=self.world.device)
        return drawn[:, self.rows[0] : self.rows[-1] + 1]

    def inputs(self) -> Inputs:
        """What the rows see at this update; finished ones are replaced first."""
        c, carry, progress = self.config.train, self.carry, self.progress
        fresh = refill(
            carry, self.model, self.batches, progress.update, self.rows, c.N_sup, c.carry == "rolling", progress.begun
        )
        x = carry.x
        if self.pool:
            self.pool.begin(fresh.cpu().numpy(), carry.x[fresh].cpu().numpy())
            x = self.pool.tokens().to(self.world.device)
        identity = self.vectors.take(carry.x) if self.vectors else None
        return Inputs(x, carry.y, carry.state, self.noise(), carry.done, carry.pooled, self.on_prior, identity)

    def assign_targets(self, inputs: Inputs, out: Any) -> Inputs:
        """Rows on the prior that learn to answer get new targets after their first answer: those that go with it."""
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
        """One round of every search. What took a guess back thinks again; what is over makes place."""
        y = self.carry.y.cpu().numpy()
        over, back = (
            torch.from_numpy(z).to(self.world.device) for z in pool.advance(self.progress.update, y, result.outputs)
        )
        initial = self.model.initial(1)
        h, l = (torch.where(back[:, None, None], z0, z) for z0, z in zip(initial, self.carry.state, strict=True))  # noqa: E741
        done = torch.where(over, self.config.train.N_sup, self.carry.done)
        self.carry = dataclasses.replace(self.carry, state=State(h, l), done=done)

    def without_compiler(self, error: RuntimeError | NotFinite) -> Update:
        """The update that failed with `error` once more, uncompiled like all that follow. Raises `error` if that was no
        fault of the compiler, whose bfloat16 gradients are no numbers on some processors (LOG.md)."""
        suspect = isinstance(error, NotFinite) or parallel.compiler_failed(error)
        if not (self.compiled and suspect):
            raise error
        self.learner.inner, self.compiled = self.learner.plain, False
        first = str(error).strip().splitlines()[0]
        self.log.say(f"torch.compile failed ({first}); going on without it, which is slower.")
        return self.update()

    # state ------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that `restore` needs, whatever the number of ranks."""
        return {
            "fixed": checkpoint.fixed(self.config),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "progress": dataclasses.asdict(self.progress),
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "carry": self.world.gather(self.carry.tensors() | (self.pool.tensors() if self.pool else {})),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.progress = Progress(**state["progress"])
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            groups = optimizer.state_dict()["param_groups"]  # of the config, which may ask for another weight decay
            optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
        carry = {k: t[torch.from_numpy(self.rows)].to(self.world.device) for k, t in state["carry"].items()}
        carry |= {k: carry[k].to(self.model.dtype) for k in ("h", "l")}
        if self.pool:
            self.pool.restore({name: carry.pop(name) for name in self.pool.tensors()})
        self.carry = Carry.of(carry)


def train(
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    start: Path | None = None,
    trust: bool = False,
    began: float | None = None,
) -> Path:
    """Train `config` into the run directory `out`, or continue the run that is there.

    A run that was stopped (Ctrl-C, `stop_at`, a crash) and resumed gives the same weights bit for bit as one that was
    not, on the same machine and with as many processes, if it has a number of updates and no `minutes`: the schedule is
    fitted to `updates`, so 200 + 200 equal 400 with updates = 400 in both parts.

    stop_at: stop after this update with a checkpoint to resume from. start: a folder of weights of the same network to
    begin with. trust: run the check that the table of one's own data names. began: the time.monotonic() from which
    `minutes` count, heads and the last evaluation included; the first update if not given. Returns `out`, which
    gram.load then reads. Interrupted after a checkpoint on Ctrl-C; NotFinite, ValueError, FileNotFoundError or OSError
    with one sentence otherwise. Only one run at a time may work in `out`: the folder is locked.
    """
    if resume and start is not None:
        raise ValueError("A run that is resumed has weights already; leave --start out.")
    world = parallel.start(config.train.threads)
    if world.rank:
        return _train(config, out, world, resume, stop_at, start, trust, began)
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with lock(out):
            return _train(config, out, world, resume, stop_at, start, trust, began)
    finally:
        if new:
            with contextlib.suppress(OSError):
                out.rmdir()  # it stays unless nothing was written


def _train(
    config: Config,
    out: Path,
    world: World,
    resume: bool,
    stop_at: int | None,
    start: Path | None,
    trust: bool,
    began: float | None,
) -> Path:
    """`train` of one process, while nobody else trains in `out`."""
    task = tasks.of(config, trust=trust)
    if task.withheld is not None:
        raise ValueError(task.unchecked)
    config = tasks.described(config, task)
    state = checkpoint.newest(out, config) if resume else None
    if not resume and (checkpoint.paths(out) or (out / weight_files.WEIGHTS).exists()):
        raise ValueError(f"{out} holds an earlier run; continue it with --resume {out} or choose another --out.")
    if world.size == 1:
        check_batch(config, task, world.device)
    log = Log(out, state["progress"]["update"] if state else 0) if world.rank == 0 else NullLog()
    run = None
    try:
        run = Run(config, task, world, log, state, start)
        most = watch.plain_nats(task, run.batches.examples) if config.train.cure else math.inf
        while True:
            monitor = Monitor(run.average, task, run.config, log, world, run.progress.update, most)
            if world.rank == 0:
                (out / TRAINING).unlink(missing_ok=True)  # what says that the run is finished, until it is again
                weight_files.write_config(out, run.config)
            try:
                ended = _loop(run, monitor, out, stop_at or config.train.updates, began)
                break
            except Anew as again:
                began, progress = time.monotonic(), run.progress.again()
                run = Run(again.config, task, world, log, start=start)
                run.progress = progress
                _save(run, out)
        if ended and world.rank == 0:
            _finish(run, monitor, out)
    except NotFinite as error:
        kept = checkpoint.paths(out)
        raise NotFinite(f"{error}. The last good checkpoint is {kept[0] if kept else 'not written yet'}.") from None
    finally:
        log.close()
        if dist.is_initialized():
            if run is not None:
                run.forward = run.learner  # what speaks to the group must not outlive it: that can abort the exit
                gc.collect()
            dist.destroy_process_group()
    return out


def _loop(run: Run, monitor: Monitor, out: Path, stop_at: int, began: float | None = None) -> bool:
    """Update until the budget is spent or the target reached (True), or until `stop_at` (False); the end is saved."""
    c, progress, world = run.config.train, run.progress, run.world
    now = time.monotonic()
    begin = (now if began is None else began) - progress.seconds  # the budget is the user's time
    spent = world.largest(now - begin)[0]
    progress.startup += spent - progress.seconds
    saved = evaluated = progress.seconds = spent
    if progress.update == 0 and progress.share(run.config) >= 1.0:
        run.log.warn("Warning: to begin took all of the minutes; nothing is learnt in a single update; give more.")
    interrupted, compiling, reached, lowered = False, run.compiled, 0.0, False
    timed = progress.update + 2
    with stop_signals(alone=world.size == 1) as stopped:
        while not (interrupted or reached) and progress.update < stop_at:
            if progress.update and progress.share(run.config) >= 1.0:
                break
            before = progress.seconds
            try:
                result = run.update()
            except RuntimeError as error:
                if stopped():  # the C++ compiler of the first update hears Ctrl-C as well
                    text = f"Stopped while compiling; nothing is lost since update {progress.update}"
                    raise Interrupted(text) from error
                result = run.without_compiler(error)
            # One clock for all ranks: the learning rate and all decisions follow from it.
            progress.seconds, signals = world.largest(time.monotonic() - begin, stopped())
            if compiling:
                compiling = False
                progress.startup += progress.seconds - saved
                run.log.say(f"First update, compilation included: {progress.seconds - saved:.0f} s.")
            if progress.update == timed and (text := progress.too_short(run.config, progress.seconds - before)):
                run.log.say(text)
            interrupted = signals > 0
            monitor.observe(progress, result, run.on_prior)
            if monitor.leak and (cured := watch.cured(run.config)):
                run.log.warn(f"{monitor.leak} Beginning again with one transition and beta {cured.train.beta:.2g}.")
                raise Anew(cured)
            if progress.seconds - evaluated >= c.evaluate_every and not interrupted:
                evaluated = progress.seconds
                reached, collapsed = world.largest(*(monitor.review(progress) if world.rank == 0 else (0.0, 0.0)))
                if collapsed and c.cure and not lowered:
                    lowered, monitor.config = True, watch.widened(run.config)
                    run.config, c = monitor.config, monitor.config.train
                    run.log.warn(f"Diversity has collapsed. Going on with beta {c.beta:.2g}.")
            if progress.seconds - saved >= c.save_every:
                saved = progress.seconds
                _save(run, out)
        monitor.flush(progress)
        _save(run, out)
    if interrupted:
        raise Interrupted(f"Stopped at update {progress.update}; continue with --resume {out}")
    return reached > 0 or progress.share(run.config) >= 1.0


def _finish(run: Run, monitor: Monitor, out: Path) -> None:
    """Fit the heads on prior rollouts of the averaged weights, measure on dev data, write the finished weights. Where
    minutes are given, both take what is kept for them: the heads three quarters."""
    model = run.average
    begin = time.monotonic()
    config = run.config
    seconds = kept(config) if config.train.minutes is not None else None
    if isinstance(model, Model) and not config.model.candidates:  # others have no heads, or learnt them
        run.log.say("Fitting the halt and value heads on prior rollouts.")
        dev = load_examples(run.task, config.dev, "dev", seed=1, count=DEV)
        heads = None if seconds is None else 0.75 * seconds
        config = fit_heads(model, run.task, config, run.batches.examples, dev, heads)
    weight_files.save(out, config, model, half=True)
    weight_files.load_weights(model, out / weight_files.WEIGHTS)  # what is measured is what was written
    metrics = monitor.evaluate(run.progress, None if seconds is None else begin + seconds - time.monotonic())
    record = {
        "updates": run.progress.update,
        "seconds": round(run.progress.seconds, 1),
        "heads_seconds": round(time.monotonic() - begin, 1),
        "processes": run.world.size,
        "threads": run.config.train.threads,
        "dtype": str(model.dtype).removeprefix("torch."),
        "dev": metrics,
    }
    weight_files.write_json(out / TRAINING, record)


def _save(run: Run, out: Path) -> None:
    state = run.state()
    if run.world.rank == 0:
        checkpoint.save(out, run.progress.update, state)
        weight_files.save(out, run.config, run.average)

"""The training loop: for every update, one supervision step of every active row."""

import contextlib
import gc
import math
import time
from pathlib import Path

import torch.distributed as dist

from gram import tasks
from gram import weights as weight_files
from gram.atomic import lock
from gram.config import Config
from gram.measure.record import TRAINING
from gram.models.recursive import Model
from gram.progress import EVERY, progress
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.data.store import load_examples, training_examples
from gram.tasks.own.rows import Rows
from gram.train import answers, checkpoint, parallel, watch
from gram.train.budget import kept
from gram.train.completions import fit_depth
from gram.train.heads import DEV, fit_heads
from gram.train.log import Callback, Log, NullLog
from gram.train.memory import check_batch
from gram.train.monitor import Monitor
from gram.train.parallel import World
from gram.train.run import Run
from gram.train.stopping import Interrupted, NotFinite, Restart, stop_signals
from gram.train.track import check_tracker


def train(
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    start: Path | None = None,
    trust: bool = False,
    began: float | None = None,
    track: str | None = None,
    callback: Callback | None = None,
) -> Path:
    """Train `config` in the run folder `out`, or continue its run.

    A run that is stopped (Ctrl-C, `stop_at`, a crash) and resumed gives bit for bit the weights of an uninterrupted
    run, on the same machine with the same number of processes, if it has a number of updates and no `minutes`: the
    schedule follows `updates`, so 200 + 200 equal 400 with updates = 400 in both parts.

    stop_at: stop after this update with a checkpoint to resume from. start: a folder with weights of the same network
    to start from. trust: run the check that the table of your own data names. began: the time.monotonic() from which
    `minutes` count, including heads and the last evaluation; by default the first update. track: the tracker of the
    metrics (gram.train.track). callback: called by the first process with every line of metrics.jsonl. Returns `out`,
    which gram.load can read. Raises Interrupted after a checkpoint on Ctrl-C; NotFinite, ValueError, FileNotFoundError
    or OSError with one sentence otherwise. Only one run at a time may use `out`, which is locked.
    """
    if resume and start is not None:
        raise ValueError("A resumed run already has weights; leave out --start.")
    check_tracker(track)
    world = parallel.start(config.train.threads)
    if world.rank:
        return _train(config, out, world, resume, stop_at, start, trust, began, track, None)
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with lock(out):
            return _train(config, out, world, resume, stop_at, start, trust, began, track, callback)
    finally:
        if new:
            with contextlib.suppress(OSError):
                out.rmdir()  # removed only if nothing was written


def _train(
    config: Config,
    out: Path,
    world: World,
    resume: bool,
    stop_at: int | None,
    start: Path | None,
    trust: bool,
    began: float | None,
    track: str | None,
    callback: Callback | None,
) -> Path:
    """`train` of one process, under the lock of `out`."""
    task = tasks.of(config, trust=trust)
    if task.withheld is not None:
        raise ValueError(task.unchecked)
    config = tasks.described(config, task)
    state = checkpoint.newest(out, config) if resume else None
    if not resume and (checkpoint.paths(out) or (out / weight_files.WEIGHTS).exists()):
        raise ValueError(f"{out} has an earlier run; continue it with --resume {out} or choose another --out.")
    why = examples = None
    if not resume and config.train.answers != "many":
        examples = training_examples(task, config.data, config.generated)
        config, why = answers.begin(config, task, examples, started=start is not None)
    if world.size == 1:
        check_batch(config, task, world.device)
    update = state["progress"]["update"] if state else 0
    log = Log(out, update, callback).tracked(track, config) if world.rank == 0 else NullLog()
    run = None
    over = resume and (out / TRAINING).exists()
    try:
        if why:
            log.say(why)
        run = Run(config, task, world, log, state, start, examples)
        if over and run.progress.share(config) >= 1.0:
            log.say(
                f"{out} has spent its budget: only the heads are fitted again. More --minutes or updates continue it."
            )
        most = watch.plain_nats(task, run.batches.examples) if config.train.cure else math.inf
        while True:
            monitor = Monitor(run.average, task, run.config, log, world, run.progress.update, most)
            if world.rank == 0:
                (out / TRAINING).unlink(missing_ok=True)  # marks the run as finished, so it is written again at the end
                weight_files.write_config(out, run.config)
            try:
                ended = _loop(run, monitor, out, stop_at or config.train.updates, began)
                break
            except Restart as again:
                began, progress = time.monotonic(), run.progress.again()
                run = Run(again.config, task, world, log, None, start, examples)
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
                run.forward = run.learner  # DDP must not outlive its process group, which can abort the exit
                gc.collect()
            dist.destroy_process_group()
    return out


def _loop(run: Run, monitor: Monitor, out: Path, stop_at: int, began: float | None = None) -> bool:
    """Update until the budget is spent or the target reached (True), or until `stop_at` (False). Saves the last
    state."""
    c, progress, world = run.config.train, run.progress, run.world
    now = time.monotonic()
    begin = (now if began is None else began) - progress.seconds  # the budget is the user's time
    spent = world.largest(now - begin)[0]
    progress.startup += spent - progress.seconds
    saved = evaluated = progress.seconds = spent
    if progress.update == 0 and progress.share(run.config) >= 1.0:
        run.log.warn("Warning: starting took all of the minutes, so there is a single update; give more.")
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
                if stopped():  # the C++ compiler of the first update receives Ctrl-C too
                    text = f"Stopped while compiling; nothing since update {progress.update} is lost"
                    raise Interrupted(text) from error
                result = run.without_compiler(error)
            # one clock for all ranks, which determines the learning rate and all decisions
            progress.seconds, signals = world.largest(time.monotonic() - begin, stopped())
            if compiling:
                compiling = False
                progress.startup += progress.seconds - saved
                run.log.say(f"First update, including compilation: {progress.seconds - saved:.0f} s.")
            if progress.update == timed and (text := progress.too_short(run.config, progress.seconds - before)):
                run.log.say(text)
            interrupted = signals > 0
            monitor.observe(progress, result, run.on_prior)
            if monitor.leak and (cured := watch.cured(run.config)):
                run.log.warn(f"{monitor.leak} Restarting with one transition and beta {cured.train.beta:.2g}.")
                raise Restart(cured)
            if not interrupted and answers.due(run.config, progress):
                exact = monitor.evaluate(progress)["exact"] if world.rank == 0 else 0.0
                config, text = answers.judge(run.config, run.task, run.batches.examples, world.largest(exact)[0])
                run.log.say(text)
                if config.model != run.config.model:
                    raise Restart(config)
                run.config = monitor.config = config
                c = config.train
            if progress.seconds - evaluated >= c.evaluate_every and not interrupted:
                evaluated = progress.seconds
                reached, collapsed = world.largest(*(monitor.review(progress) if world.rank == 0 else (0.0, 0.0)))
                if collapsed and c.cure and not lowered:
                    lowered, monitor.config = True, watch.widened(run.config)
                    run.config, c = monitor.config, monitor.config.train
                    run.log.warn(f"Diversity has collapsed. Continuing with beta {c.beta:.2g}.")
            if progress.seconds - saved >= c.save_every:
                saved = progress.seconds
                _save(run, out)
        monitor.flush(progress)
        _save(run, out)
    if interrupted:
        raise Interrupted(f"Stopped at update {progress.update}; continue with --resume {out}")
    return reached > 0 or progress.share(run.config) >= 1.0


def _finish(run: Run, monitor: Monitor, out: Path) -> None:
    """Fit the heads, or the depth of completions, on prior rollouts of the averaged weights, evaluate on dev data, and
    write the finished weights.
    With a time budget, both use the reserve, the fit three quarters of it."""
    model = run.average
    begin = time.monotonic()
    config = run.config
    seconds = kept(config) if config.train.minutes is not None else None
    if isinstance(model, Model) and not (config.model.candidates or config.model.guesses):  # others halt by themselves
        dev = load_examples(run.task, config.dev, "dev", seed=1, count=DEV)
        share = None if seconds is None else 0.75 * seconds
        if isinstance(run.task, Rows):  # nothing halts: samples are read as probabilities
            config = fit_depth(TorchNetwork(model), run.task, config, dev, share)
            run.log.say(f"Supervision steps of completions, by the likelihood of held-out rows: {config.solve.depth}.")
        else:
            run.log.say("Fitting the halt and value heads on prior rollouts.")
            with progress("Fitting heads", quiet=run.world.rank != 0, first=EVERY) as show:
                config = fit_heads(model, run.task, config, run.batches.examples, dev, share, show)
    weight_files.save(out, config, model, half=True)
    weight_files.load_weights(model, out / weight_files.WEIGHTS)  # evaluates the written weights
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

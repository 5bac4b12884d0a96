"""`gram reproduce all`: every run that the tables of a results folder still lack, for days if need be.

OUT/campaign.json                what is to be run, decided once, when the campaign begins
OUT/runs/GROUP/RECIPE-SEED       run folders; GROUP is at-30-minutes, since tables train the same recipe for other times
OUT/report/                      the report of the results folder, made again after every run
OUT/status.md                    the page of `gram reproduce --status`
RESULTS/GROUP/RECIPE/SEED.json   measurements, as `gram eval --record` writes them

A run is done once the results folder has all its measurements. Killed at any moment, the same command continues: a run
from its last checkpoint, a campaign from campaign.json. The lock of OUT ends with its process.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gram.atomic import Busy, lock
from gram.config import Config
from gram.machine import processors
from gram.messages import log
from gram.progress import Snapshot, progress
from gram.recipes import plans
from gram.recipes.plans import Measure, Scale
from gram.report import page
from gram.reproduce import runs
from gram.reproduce.campaign import BEGUN, Campaign, begin, plan
from gram.reproduce.processes import Job, side_by_side
from gram.reproduce.run import going
from gram.reproduce.runs import REPORT, RESULTS
from gram.reproduce.status import status, write
from gram.train import loop
from gram.train.budget import crowding

OUT = Path("runs/reproduce/all")
EVERY = 60.0
"""Seconds between two states of status.md."""
CROWDED = 1.3
"""How many times slower than idle a core may be without a warning."""
LINES = 600.0
"""Seconds between two lines of progress, without a terminal."""


def reproduce_all(
    *, scale: Scale, out: Path | None, into: Path | None, jobs: int | None, quiet: bool = False, listed: bool = False
) -> int:
    """Train and measure what the tables lack in the results folder `into` (results/ if there is one, else OUT/results),
    `jobs` runs at a time (as many as there are idle cores), and report it. `listed` prints the page of the state only.

    ValueError or FileNotFoundError before anything is trained: for missing data, damaged results, another `into` or
    scale than at the beginning, an `out` with other contents, runs of other settings, and if another process works in
    `out`. A run whose loss becomes NaN is named by a ValueError at the end; any other error ends the campaign.
    """
    out = OUT if out is None else out
    if listed:
        print(status(out, scale, into))
        return 0
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs}; it must be at least 1.")
    if "WORLD_SIZE" in os.environ:
        raise ValueError("Run gram reproduce without torchrun.")
    check_out(out)
    plan(out, scale, into)  # finds its errors before there is a folder
    out.mkdir(parents=True, exist_ok=True)
    try:
        with lock(out):
            broken = work(out, scale, into, jobs, quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped; the same command continues from here.") from None
    finally:
        with suppress(OSError):
            out.rmdir()  # removed only if nothing was written
    if broken:
        raise ValueError(f"These runs failed, and their rows are missing: {'; '.join(broken)}")
    return 0


def check_out(out: Path) -> None:
    """ValueError if `out` exists and is not an earlier campaign."""
    if not out.exists():
        return
    strange = not out.is_dir() or (
        not (out / BEGUN).is_file() and any(p.name[0] != "." and p.name != RESULTS for p in out.iterdir())
    )
    if strange:
        raise ValueError(f"{out} is not an earlier `gram reproduce all`; choose another --out.")
    page.check_out(out / REPORT)


def work(out: Path, scale: Scale, into: Path | None, jobs: int | None, quiet: bool) -> list[str]:
    """The campaign, under the lock of `out`. Returns messages about runs whose loss became NaN."""
    campaign = plan(out, scale, into)
    left = [run for run in campaign.runs if not run.done(campaign.into)]
    runs.check_data([run.config for run in left])
    for run in left:
        runs.check_run(run.config, run.folder(out))
    begin(campaign, out)
    if left and scale == "laptop" and (crowd := crowding()) >= CROWDED:
        log.warning(
            f"Other work shares the core, which is {crowd:.1f} times slower. The minutes of runs are those of the "
            "clock, so they would learn less than on an idle core; start when it is idle."
        )
    jobs = (1 if scale == "paper" else idle()) if jobs is None else jobs
    print(
        f"{len(left)} of {len(campaign.runs)} runs to do, {jobs} at a time; results go to {campaign.into}.", flush=True
    )
    work = [
        Job(
            f"[{n} of {len(left)}] {run.title} ({', '.join(run.tables)})",
            run.log(out),
            one,
            (run.config, run.measures, run.folder(out), campaign.into / run.group),
        )
        for n, run in enumerate(left, 1)
    ]
    written = first = time.monotonic()
    broken = []
    write(out, campaign)
    with progress("Runs", quiet=quiet, every=LINES) as bar:

        def alive(running: Sequence[Job], ended: int) -> None:
            nonlocal written
            now = time.monotonic()
            bar.at(lambda: Snapshot(ended / len(work), going(running, ended, len(work), now - first)))
            if now - written >= EVERY:
                written = now
                write(out, campaign)

        for _, said in side_by_side(work, jobs, alive):
            broken.append(said)
            write(out, campaign)
            report(campaign, out)
    if not work:
        report(campaign, out)
    return [said for said in broken if said]


def idle() -> int:
    """Idle cores, at least one."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, (processors() - round(load)) // plans.THREADS)


def one(config: Config, measures: Sequence[Measure], folder: Path, into: Path) -> str | None:
    """Train and measure one run, once no orphan of a killed campaign is at work in its folder. Returns a message if
    its loss became NaN."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock(folder):
            pass
    except Busy as error:
        log.warning(f"{error} Waiting for it.")
        with lock(folder, wait=True):
            pass
    try:
        runs.train(config, folder)
    except loop.NotFinite as error:
        log.warning(str(error))
        return f"{config.recipe}, seed {config.train.seed}: {error}"
    with lock(folder, wait=True):  # training has held it until now
        into.mkdir(parents=True, exist_ok=True)
        runs.measure(config, measures, folder, into)
    return None


def report(campaign: Campaign, out: Path) -> None:
    """The report of the results folder."""
    if any(campaign.into.glob("*/**/*.json")):
        page.report(campaign.into, out / REPORT)

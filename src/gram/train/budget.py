"""The time budget of a run: elapsed time, and the reserve for its end."""

import dataclasses
import time
from dataclasses import dataclass, field

from gram.config import Config

UNCOMPILED = 3.0
"""Minutes of a run below which compilation takes more time than it saves: a minute of an idle core, the first time."""
LEAST = 300
"""Updates below which runs learned hardly anything."""


def kept(config: Config) -> float:
    """Seconds of `minutes` reserved for the heads and the last evaluation; a smaller share in longer runs."""
    budget = 60 * (config.train.minutes or 0.0)
    return min(0.12 * budget, 60 + 0.03 * budget)


def crowding(seconds: float = 0.1) -> float:
    """How many times longer a computation takes now than on an idle core, at least 1, measured for this many
    seconds."""
    wall, busy = time.monotonic(), time.process_time()
    while time.process_time() - busy < seconds:
        pass
    return max(1.0, (time.monotonic() - wall) / (time.process_time() - busy))


def uncompiled(config: Config, crowd: float = 1.0) -> Config:
    """`config`, without compilation if the run is too short for it on a core that is `crowd` times slower."""
    c = config.train
    if c.minutes is None or c.minutes >= UNCOMPILED * crowd:
        return config
    return dataclasses.replace(config, train=dataclasses.replace(c, compile=False))


@dataclass
class Progress:
    """The progress of a run, saved with every checkpoint."""

    update: int = 0
    seconds: float = 0.0
    startup: float = 0.0
    """Seconds spent on reading and compilation; schedules by share start after them."""
    begun: int = 0
    """The update at which the weights were new; above 0 after a restart."""
    means: dict[str, float] = field(default_factory=dict)
    """Exponential means of the metrics over updates."""

    def share(self, config: Config) -> float:
        """Used share of the budget for updates, in [0, 1]."""
        done = (self.update - self.begun) / max(1, config.train.updates - self.begun)
        if config.train.minutes is None:
            return min(1.0, done)
        left = 60 * config.train.minutes - kept(config) - self.startup
        return min(1.0, max(done, (self.seconds - self.startup) / left)) if left > 0 else 1.0

    def left(self, config: Config) -> float:
        """Seconds until the last update, at the current speed."""
        share = self.share(config)
        return (self.seconds - self.startup) * (1 / share - 1) if share > 0 else 0.0

    def again(self) -> "Progress":
        """The progress of a run that restarts with the remaining time."""
        return Progress(self.update, self.seconds, startup=self.seconds, begun=self.update)

    def too_short(self, config: Config, seconds: float) -> str | None:
        """A warning if the budget allows too few updates of `seconds` each, else None."""
        minutes = config.train.minutes
        if minutes is None:
            return None
        ahead = 60 * minutes - kept(config) - self.seconds
        fits = self.update + int(max(0.0, ahead) / max(seconds, 1e-9))
        if fits >= LEAST:
            return None
        more = (self.seconds + (LEAST - self.update) * seconds) / 60 / 0.88
        return (
            f"Warning: about {fits} updates fit into {minutes:g} minutes, and with fewer than {LEAST} hardly anything "
            f"is learned; give --minutes {max(minutes, more) + 1:.0f} or more."
        )

"""Events that end or restart a training: Ctrl-C, termination, a closing terminal, NaN, posterior leakage."""

import contextlib
import os
import signal
import threading
from contextlib import contextmanager
from typing import Any

from gram.config import Config


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a termination signal; a checkpoint has been written."""


class Restart(Exception):
    """The run restarts with `config`: the posterior leaks, or inputs seem to have many right answers."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config


class NotFinite(ValueError):
    """The loss is NaN or infinite; nothing was updated or saved with it."""


@contextmanager
def stop_signals(alone: bool):
    """Ctrl-C and termination end the loop after the current update; a second signal stops at once, unless torchrun
    sends it, which repeats the signals of the terminal."""
    received: list[int] = []

    def receive(number: int, _: Any) -> None:
        received.append(number)
        if alone and len(received) > 1:
            raise KeyboardInterrupt("Stopped at once; the last checkpoint is intact.")
        if alone:  # print is not safe here
            with contextlib.suppress(OSError):  # the terminal is closed
                os.write(2, b"\nStopping after this update; once more stops at once, without a checkpoint.\n")

    main = threading.current_thread() is threading.main_thread()  # only the main thread receives signals
    stopping = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        stopping.append(signal.SIGHUP)  # sent when the terminal closes
    previous = {s: signal.signal(s, receive) for s in stopping if main}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

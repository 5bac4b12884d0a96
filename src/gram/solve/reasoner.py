"""Weights that are ready to answer puzzles."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from gram import tasks
from gram.config import Config
from gram.config.values import Want
from gram.solve.answer import Answer
from gram.solve.backend import Network
from gram.solve.deadline import Deadline
from gram.solve.every import Every
from gram.solve.generate import Samples, draw
from gram.solve.given import listed, plain
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, answering, drawing
from gram.solve.sampler import Trajectories, Watch, completed, deterministic, rollout
from gram.solve.select import Candidate, choose, needs_check
from gram.tasks.base import Task
from gram.tasks.spec import Tokens

PART = 256
"""Puzzles that are read ahead and answered together when answers are streamed."""
PER_WANTED = 10
"""Trajectories per wanted answer if no width is given."""
MANY = 200
"""Answers that a puzzle is taken to have if all are wanted and they cannot be counted quickly."""

Puzzle = str | np.ndarray
"""One puzzle: text, tokens (L,), or a grid (rows, columns)."""
Refuse = Callable[[int, str], None]
"""Called with the number of an invalid puzzle, from 1, and its error."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A puzzle that can be answered."""

    number: int
    """Position in the call, from 1."""
    tokens: Tokens
    """(L,) uint8."""
    count: int | None
    """Number of answers by the exact solver, counted up to 2 if one is wanted; None if counting takes too long."""


class Reasoner:
    """A network with its task and default options."""

    def __init__(self, config: Config, network: Network, task: Task | None = None, reason: str = "as given"):
        """`task`: None means that of `config`, without the check of your own data. `reason`: why the network has its
        arithmetic."""
        self.config, self.network, self.reason = config, network, reason
        self.task = tasks.of(config) if task is None else task

    def __reduce__(self):
        """Pickle for other processes: multiprocessing, joblib, Ray."""
        return Reasoner, (self.config, self.network, self.task, self.reason)

    @property
    def arithmetic(self) -> str:
        """The arithmetic and its reason: "bfloat16, measured on this processor"."""
        return f"{self.network.dtype}, {self.reason}"

    def __repr__(self) -> str:
        """Task, size, arithmetic and device."""
        network = self.network
        return f"Reasoner({self.task.spec.name}, {network.size}, {network.dtype}, {network.device})"

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, **options: Any) -> "Reasoner":
        """`gram.load` under the name used by Hugging Face libraries; also accepts owner/name on the hub."""
        name = str(name_or_path)
        on_hub = name.count("/") == 1 and not name.startswith((".", "/", "hf:")) and not Path(name).exists()
        return load(f"hf:{name}" if on_hub else name_or_path, **options)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config and weights to a folder for `gram.load` and `gram push`. ValueError for a bundle, whose weights
        are in graphs."""
        from gram import weights as weight_files  # imported late, since a Reasoner itself needs no torch
        from gram.solve.torch_backend import TorchNetwork

        if not isinstance(self.network, TorchNetwork):
            raise ValueError("A bundle holds graphs and no weights to save; copy its folder instead.")
        weight_files.save(Path(folder), self.config, self.network.model)

    def __enter__(self) -> "Reasoner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads, as `with gram.load(...) as reasoner` does at its end. A later call starts them again."""
        self.network.close()

    @overload
    def solve(self, puzzles: str, **options: Any) -> Answer: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def solve(self, puzzles: Sequence[str], **options: Any) -> list[Answer]: ...
    @overload
    def solve(self, puzzles: Any, **options: Any) -> Any: ...
    def solve(self, puzzles: Any, **options: Any) -> Any:
        """Answer puzzles: one gives an Answer, several give a list, and an iterator gives the result of `answers`.

        A puzzle is text, an array of tokens (L,), or rows of cells (a nested list or an array such as (9, 9):
        characters, or numbers with 0 for a blank). Several are a list, a column of a table, or an array (n, L).
        `options` are those of SamplingOptions, with defaults from config.solve. With select "checked", a puzzle ends
        when `want` (1) distinct valid answers are found, or all that exist if they can be counted quickly; want "all"
        lists every answer (gram.solve.every), and `all` of the answer says whether that is proven. If several answers
        are wanted, select is "checked" with ten trajectories per answer, unless `select` and `width` are given.
        The answer to a puzzle depends only on the puzzle and the options, not on other puzzles, unless time runs out.
        ValueError for invalid text, contradicting givens, a puzzle without solution, an option that is unknown or out
        of range, or a width beyond memory.
        """
        if isinstance(puzzles, Iterator):
            return self.answers(puzzles, **options)
        o = self.options(options)
        given, single = listed(self.task, puzzles)
        found = list(self.answered(self.questions(given, o.want), o, options.get("width")))
        return found[0] if single else found

    def answers(
        self,
        puzzles: Iterable[Puzzle],
        *,
        refuse: Refuse | None = None,
        watch: Watch | None = None,
        ordered: bool = True,
        **options: Any,
    ) -> Iterator[Answer]:
        """Like `solve`, but yields each answer as soon as it and all earlier ones are ready; without `ordered`, as soon
        as it is ready (see Answer.number). `puzzles` may be infinite:
        PART of them are read ahead. An invalid one is passed to `refuse` and skipped; without `refuse` it raises a
        ValueError. `watch`: see gram.solve.sampler. After `total_timeout`, the rest are returned unsolved."""
        return self.parts(iter(puzzles), refuse, watch, self.options(options), options.get("width"), ordered)

    def parts(
        self,
        puzzles: Iterator[Puzzle],
        refuse: Refuse | None,
        watch: Watch | None,
        options: SamplingOptions,
        width: int | None,
        ordered: bool,
    ) -> Iterator[Answer]:
        """Like `answers`, in lists of PART."""
        begin, total = time.perf_counter(), options.total_timeout
        for first in itertools.count(0, PART):
            part = list(itertools.islice(puzzles, PART))
            if not part:
                return
            late = total is not None and time.perf_counter() - begin >= total
            asked = []
            for number, puzzle in enumerate(part, first + 1):
                try:
                    asked.append(self.question(plain(self.task, puzzle), number, options.want, count=not late))
                except ValueError as error:
                    if refuse is None:
                        alone = first + len(part) == 1
                        raise ValueError(str(error) if alone else f"Puzzle {number}: {error}") from None
                    refuse(number, str(error))
            left = None if total is None else max(1e-9, total - (time.perf_counter() - begin))
            yield from self.answered(asked, dataclasses.replace(options, total_timeout=left), width, watch, ordered)

    def answered(
        self,
        asked: Sequence[Question],
        options: SamplingOptions,
        width: int | None,
        watch: Watch | None = None,
        ordered: bool = True,
    ) -> Iterator[Answer]:
        """Yield the answers as soon as they are ready, if `ordered` after all earlier ones. width: the requested
        one."""
        if options.want == "all":
            yield from every_answer(self, asked, options, width, watch)
            return
        widths, wants = wanted(asked, options, width)
        check_width(max(widths or [options.width]), len(asked), self.task.spec.length)
        tokens = np.array([question.tokens for question in asked], np.uint8).reshape(-1, self.task.spec.length)
        deadline = Deadline(len(asked), each=options.timeout, total=options.total_timeout)
        sampled = completed(
            *(self.network, self.task, tokens, options), widths=widths, wants=wants, watch=watch, deadline=deadline
        )
        ready: dict[int, Answer] = {}
        following = 0
        for i, found in sampled:
            answer = self.answer(tokens[i], found, options, float(deadline.seconds[i]))
            want = wants[i] if wants else 1 if options.want else None
            made = dataclasses.replace(
                answer,
                number=asked[i].number,
                complete=not deadline.late[i] or (want is not None and len(answer.distinct) >= want),
                **counted(asked[i], wants is not None),
            )
            if not ordered:
                yield made
                continue
            ready[i] = made
            while following in ready:
                yield ready.pop(following)
                following += 1

    def stream(self, puzzle: Puzzle, **options: Any) -> Iterator[Answer]:
        """Yield the answer to one puzzle after each supervision step, with all trajectories as they are then. Options
        and errors are those of `solve`, whose answer is the last one."""
        start = time.perf_counter()
        o = self.options(options)
        if o.want == "all":
            raise ValueError('A stream shows one set of trajectories; leave out want "all", or use solve.')
        [asked] = self.questions(listed(self.task, puzzle)[0], o.want)
        widths, wants = wanted([asked], o, options.get("width"))
        check_width(max(widths or [o.width]), 1, self.task.spec.length)
        N = 1 if deterministic(self.network, self.task, o) else max(widths or [o.width])
        seen = Trajectories.blank(N, self.task.spec.length, watched=o.want is not None)
        for stage in rollout(self.network, self.task, asked.tokens[None], o, widths=widths, wants=wants):
            for i in range(len(stage.rows)):  # active trajectories count with their current answers
                seen.put(stage, i, finished=bool(stage.done[i] or not stage.leave[i]))
            answer = self.answer(asked.tokens, seen, o, time.perf_counter() - start)
            yield dataclasses.replace(answer, **counted(asked, wants is not None))

    def prepare(self, puzzles: Sequence[Puzzle] | np.ndarray, asked: dict[str, Any]) -> tuple[Tokens, SamplingOptions]:
        """Tokens (n, L) of the puzzles, and the resolved options."""
        o = self.options(asked)
        tokens = self.read(puzzles)
        check_width(o.width, len(tokens), self.task.spec.length)
        return tokens, o

    def options(self, asked: dict[str, Any]) -> SamplingOptions:
        """The resolved options for puzzles."""
        o = answering(self.config.solve, asked)
        needs_check(self.task, o.select, o.want)
        return o

    def answer(self, puzzle: Tokens, found: Trajectories, options: SamplingOptions, seconds: float) -> Answer:
        """The Answer to one puzzle (L,) from its trajectories."""
        choice = choose(self.task, puzzle, found, options.select)
        i, valid, candidates = choice.index, choice.right, choice.candidates
        if not self.task.checkable:
            valid, candidates = None, tuple(dataclasses.replace(c, valid=None) for c in candidates)
        return Answer(
            puzzle=self.task.show(puzzle),
            text=None if choice.answer is None else self.task.decode(choice.answer),
            tokens=choice.answer,
            valid=valid,
            distinct=tuple(self.task.decode(c.answer) for c in candidates if c.valid is not False),
            candidates=candidates,
            width=len(found),
            depth=options.depth,
            index=i,
            steps=None if i is None else int(found.steps[i]),
            value=None if i is None else float(found.value[i]),
            evaluations=found.evaluations,
            seconds=seconds,
            task=self.task,
        )

    def generate(self, n: int | None = None, *, watch: Watch | None = None, **options: Any) -> Samples:
        """Draw n samples of an unconditional task; n is the `width`. Options are those of SamplingOptions, with
        defaults from config.solve. The first samples are the same for every n. ValueError for a task with puzzles, or
        an option that is unknown, out of range or for answers only."""
        return draw(self.network, self.task.sampled(), drawing(self.config.solve, n, options), watch=watch)

    def read(self, puzzles: Sequence[Puzzle] | np.ndarray) -> Tokens:
        """Texts or token arrays -> (n, L) uint8. ValueError for an invalid puzzle or one without solution; if there are
        several puzzles, it names the one."""
        asked = self.questions(puzzles)
        return np.array([question.tokens for question in asked], np.uint8).reshape(-1, self.task.spec.length)

    def questions(self, puzzles: Sequence[Puzzle] | np.ndarray, want: Want | None = None) -> list[Question]:
        """The puzzles as questions for `want` answers each. ValueError as in `read`."""
        return several(puzzles, lambda puzzle, number: self.question(puzzle, number, want))

    def question(self, puzzle: Puzzle, number: int, want: Want | None, *, count: bool = True) -> Question:
        """One puzzle. count: whether to count its answers; there must be at least one."""
        spec = self.task.spec
        if isinstance(puzzle, str):
            tokens = self.task.encode(puzzle)
        else:
            tokens = spec.tokens(puzzle)
            if not np.array_equal(self.task.encode(self.task.show(tokens)), tokens):
                raise ValueError(
                    f"These tokens are not a puzzle of {spec.name}; compare them with the result of encode."
                )
        exist = self.task.count(tokens, 2 if want in (None, 1) else None) if count else None
        if exist == 0:
            raise ValueError("The puzzle has no solution, since its givens exclude every completion; change them.")
        return Question(number, tokens, exist)


def wanted(
    asked: Sequence[Question], options: SamplingOptions, width: int | None
) -> tuple[list[int] | None, list[int] | None]:
    """Trajectories and answers of each question if several answers are wanted, but no more than exist; None if one is
    wanted. width: the requested one."""
    if options.want is None or options.want == 1:
        return None, None
    assert options.want != "all"
    wants = [min(options.want, question.count or options.want) for question in asked]
    return [width or max(options.width, PER_WANTED * want) for want in wants], wants


def every_answer(
    reasoner: Reasoner, asked: Sequence[Question], options: SamplingOptions, width: int | None, watch: Watch | None
) -> Iterator[Answer]:
    """Yield for each question an Answer whose `distinct` are all answers that were found."""
    task, begin = reasoner.task, time.perf_counter()
    for i, question in enumerate(asked):
        start, total = time.perf_counter(), options.total_timeout
        left = None if total is None else max(1e-9, total - (start - begin))
        seconds = min((limit for limit in (options.timeout, left) if limit is not None), default=None)
        search = Every(
            *(reasoner.network, task, question.tokens, options),
            width=width or max(options.width, PER_WANTED * (question.count or MANY)),
            count=question.count,
            seconds=seconds,
            watch=None if watch is None else renumbered(watch, i),
        ).run()
        answer = reasoner.answer(question.tokens, search.found, options, time.perf_counter() - start)
        ruled = [search.answers[k] for k in search.by_rules]
        extra = tuple(Candidate(tokens, votes=0, value=float("nan"), steps=0, valid=True) for tokens in ruled)
        if answer.tokens is None and ruled:
            answer = dataclasses.replace(answer, tokens=ruled[0], text=task.decode(ruled[0]), valid=True)
        exist = len(search.answers) if search.all else question.count
        yield dataclasses.replace(
            answer,
            number=question.number,
            candidates=answer.candidates + extra,
            distinct=answer.distinct + tuple(map(task.decode, ruled)),
            complete=not search.late,
            exist=exist,
            unique=None if exist is None else exist == 1,
            all=search.all,
        )


def renumbered(watch: Watch, i: int) -> Watch:
    """`watch` for the stages of a single puzzle, as those of puzzle i."""
    return lambda stage: watch(stage._replace(rows=[(i, n) for _, n in stage.rows], over=[i] * len(stage.over)))


def counted(asked: Question, several: bool) -> dict[str, Any]:
    """`exist` and `unique` of the answer. several: whether all answers were counted, not just up to 2."""
    count = asked.count
    return {"exist": count if several or count == 1 else None, "unique": None if count is None else count == 1}


def encode(task: Task, puzzles: Sequence[Any]) -> Tokens:
    """Puzzles -> (n, L) uint8. ValueError names the puzzle if there are several."""
    tokens = several(puzzles, lambda puzzle, _: task.encode(puzzle))
    return np.array(tokens, np.uint8).reshape(-1, task.spec.length)


def several(puzzles: Sequence[Any] | np.ndarray, read: Callable[[Any, int], Any]) -> list[Any]:
    """`read` applied to each puzzle and its number, from 1. ValueError names the puzzle if there are several; a
    single text is refused, since its characters are no puzzles."""
    if isinstance(puzzles, str):
        raise ValueError("The puzzles are one text; give a list of puzzles, such as [text].")
    found = []
    for number, puzzle in enumerate(puzzles, 1):
        try:
            found.append(read(puzzle, number))
        except ValueError as error:
            raise ValueError(f"Puzzle {number}: {error}" if len(puzzles) > 1 else str(error)) from None
    return found


def load(
    name_or_path: str | Path,
    *,
    dtype: str = "auto",
    compile: bool = False,
    device: str = "auto",
    trust: bool = False,
    check: str | None = None,
    task: str | None = None,
) -> Reasoner:
    """Weights, not bundles; the options and errors are those of gram.load (gram.loading)."""
    # imported late, since a Reasoner itself needs no torch
    from gram import weights as weight_files
    from gram.models.build import cast
    from gram.models.device import arithmetic, choose_device
    from gram.solve.torch_backend import TorchNetwork

    config, model = weight_files.load(name_or_path, task)
    chosen, reason = arithmetic(dtype, config.model.width, where := choose_device(device))
    network = TorchNetwork(cast(model.to(where), chosen), compile=compile)
    return Reasoner(config, network, tasks.of(config, trust=trust, check=check), reason)

"""Every answer of a puzzle: a tree of cases that the rules split and the network samples.

A node is a partly answered board (gram.tasks.cases). Nodes without a known answer are sampled; then all are split, and
the answers found so far are shared out among their cases. Cases that the rules exclude are no nodes, and a board that
they complete is an answer, whether a trajectory found it or not. Once no node is left, no answer is missing: sampling
finds the answers, the rules prove that there are no others. Where the exact solver counts the answers quickly, the
search ends when all are found.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gram.solve.backend import Network
from gram.solve.deadline import Deadline
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Stage, Trajectories, Watch, completed, deterministic
from gram.tasks.base import Task
from gram.tasks.spec import PAD, Tokens

PART = 64
"""Nodes that are sampled together."""
PATIENCE = 2
"""A node below so many in a row that were sampled in vain is not sampled: it hardly has an answer."""
SLOWER = 2
"""Cases are sampled for at most so many times the steps of the slowest answer so far."""
NODES = 5
"""Nodes that are split, in units of `Task.quick`; then the search ends without a proof."""


@dataclass
class Node:
    """A partly answered board."""

    board: Tokens
    """(L,) uint8."""
    known: list[int]
    """The known answers that are answers to this board."""
    cases: Tokens
    """(S, L): what the board is split into; only a complete board if the rules leave nothing else."""
    misses: int = 0
    """Nodes in a row, up to this one, that were sampled in vain."""


class Every:
    """The search for every answer of one puzzle (L,).

    width: maximum trajectories, of all nodes together; then the rules go on alone. count: the number of answers, if it
    is known. seconds: time limit. watch: called at every stage, as if the puzzle were alone."""

    def __init__(
        self,
        network: Network,
        task: Task,
        puzzle: Tokens,
        options: SamplingOptions,
        *,
        width: int,
        count: int | None = None,
        seconds: float | None = None,
        watch: Watch | None = None,
    ):
        self.network, self.task, self.puzzle, self.options = network, task, puzzle, options
        self.left, self.count, self.watch = width, count, watch
        self.end = None if seconds is None else time.perf_counter() + seconds
        self.index: dict[bytes, int] = {}
        self.answers: list[Tokens] = []
        """Valid answers in the order in which they were found."""
        self.by_rules: list[int] = []
        """Those that no trajectory found before the rules completed their boards."""
        self.ran: list[Trajectories] = []
        self.slowest, self.nodes = 0, 0
        self.late, self.spent, self.closed = False, False, False
        self.held: Stage | None = None
        self.alone = deterministic(network, task, options)

    def run(self) -> "Every":
        """Search until no node is left, all answers are found, or nodes or time are spent."""
        level = [Node(self.puzzle, [], self.split(self.puzzle))]
        while level and not self.over:
            self.sample(level)
            if not self.over:
                level = self.below(level)
        self.closed = not level
        if self.watch is not None and self.held is not None:
            self.watch(self.held._replace(over=[0]))
        return self

    @property
    def all(self) -> bool:
        """Whether the found answers are known to be all."""
        return self.closed if self.count is None else len(self.answers) == self.count

    @property
    def over(self) -> bool:
        """Whether to end although nodes are left."""
        if self.end is not None and time.perf_counter() >= self.end and not self.found_all:
            self.late = True
        return self.late or self.spent or self.found_all

    @property
    def found_all(self) -> bool:
        return len(self.answers) == self.count

    @property
    def found(self) -> Trajectories:
        """All trajectories of all nodes, their answers as answers to the puzzle."""
        first = Trajectories.blank(0, self.task.spec.length, watched=True)
        parts = [vars(each) for each in (first, *self.ran)]
        return Trajectories(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    # sampling ---------------------------------------------------------------------------------------------
    def sample(self, level: Sequence[Node]) -> None:
        """Sample the nodes without a known answer in waves, each as large as all before it, while at least half of the
        trajectories bring new answers. The first wave of a case is one trajectory. The puzzle itself gets at least the
        width of the weights until it has an answer, and without cases as many as bring anything new."""
        nodes = [node for node in level if not node.known and node.misses < PATIENCE and len(node.cases)]
        case = any(node.board is not self.puzzle for node in nodes)
        pending, size, started, wave = nodes, 1 if case or self.alone else self.network.first_wave, 0, 0
        while pending and self.left and not self.over:
            new = self.wave(pending, size, wave)
            started, wave = started + size, wave + 1
            pending = [node for node, found in zip(pending, new, strict=True) if self.again(node, found, size, started)]
            size = started
        for node in nodes:
            node.misses = 0 if node.known else node.misses + 1

    def again(self, node: Node, new: int, size: int, started: int) -> bool:
        """Whether a node gets another wave after one of `size` trajectories with `new` answers."""
        if self.alone:
            return False
        if node.board is self.puzzle and (not node.known or self.task.cases is None):
            return started < self.options.width or bool(new) or self.count is not None
        return 2 * new >= size and not self.complete(node)

    def wave(self, nodes: Sequence[Node], size: int, wave: int) -> list[int]:
        """`size` trajectories of each node, as far as there are any left; the number of new answers of each."""
        new = [0] * len(nodes)
        for first in range(0, len(nodes), PART):
            size = min(size, self.left)  # the last trajectories
            if not size or self.over:
                break
            part = nodes[first : first + min(PART, self.left // size)]
            self.left -= size * len(part)
            for i, number in self.sampled(part, size, wave):
                new[first + i] = number
        return new

    def sampled(self, nodes: Sequence[Node], size: int, wave: int) -> list[tuple[int, int]]:
        """The position of each node, and the number of its new answers."""
        cases, depth = self.task.cases, self.options.depth
        if self.slowest:
            depth = min(depth, SLOWER * self.slowest)
        seed = (self.options.seed + wave) % 2**64  # other noise than in the waves before
        options = replace(self.options, want=1, seed=seed, depth=depth, timeout=None, total_timeout=None)
        puzzles = np.stack([node.board if cases is None else cases.pose(node.board) for node in nodes])
        left = None if self.end is None else max(1e-9, self.end - time.perf_counter())
        deadline = Deadline(len(nodes), total=left)
        want = size if self.count is None else min(size, self.count - len(self.answers))
        numbers = {"widths": [size] * len(nodes), "wants": [want] * len(nodes)}
        found = completed(self.network, self.task, puzzles, options, **numbers, watch=self.note, deadline=deadline)
        new = [(i, self.take(nodes[i], trajectories)) for i, trajectories in found]
        self.late = self.late or (bool(deadline.late.any()) and not self.found_all)
        return new

    def note(self, stage: Stage) -> None:
        """Pass a stage on as one of a single puzzle, one late, since only the last one ends it."""
        if self.watch is not None and self.held is not None:
            self.watch(self.held)
        self.held = stage._replace(rows=[(0, n) for _, n in stage.rows], over=[])

    def take(self, node: Node, found: Trajectories) -> int:
        """Keep the trajectories of a node that ran, and their valid answers. The number of new ones."""
        ran = found.steps > 0
        answers = found.answers[ran]
        if self.task.cases is not None:
            answers = self.task.cases.lift(node.board, answers)
        valid = self.task.check(np.broadcast_to(self.puzzle, answers.shape), answers) & found.finished[ran]
        rest = found.steps[ran], found.value[ran], found.halt[ran], found.finished[ran]
        self.ran.append(Trajectories(answers, *rest, valid))
        before = len(node.known)
        cases = self.task.cases
        fits = valid if cases is None else cases.fits(node.board, answers)
        for row in np.flatnonzero(valid):
            self.slowest = max(self.slowest, int(rest[0][row]))
            k = self.add(answers[row])
            if fits[row] and k not in node.known:
                node.known.append(k)
        return len(node.known) - before

    def add(self, answer: Tokens) -> int:
        """The number of an answer, which may be new."""
        k = self.index.setdefault(answer.tobytes(), len(self.answers))
        if k == len(self.answers):
            self.answers.append(answer)
        return k

    # rules ------------------------------------------------------------------------------------------------
    def split(self, board: Tokens) -> Tokens:
        """The cases of a board (L,) that the rules do not exclude one case further, (S, L); a complete one is its only
        case, and so is any without rules for cases."""
        cases = self.task.cases
        if cases is None or self.right(board[None])[0]:
            return board[None]
        boards = cases.split(board)
        whole = self.right(boards)
        return boards[[bool(done or len(cases.split(case))) for case, done in zip(boards, whole, strict=True)]]

    def right(self, boards: Tokens) -> np.ndarray:
        """Which boards (B, L) are complete, (B,) bool."""
        return self.task.check(np.broadcast_to(self.puzzle, boards.shape), self.as_answers(boards))

    def as_answers(self, boards: Tokens) -> Tokens:
        """(B, L) -> (B, L)."""
        return np.where(np.arange(boards.shape[1]) < self.task.spec.answer_start, np.uint8(PAD), boards)

    def complete(self, node: Node) -> bool:
        """Whether the rules leave only one answer to a node."""
        return len(node.cases) == 1 and bool(self.right(node.cases)[0])

    def below(self, level: Sequence[Node]) -> list[Node]:
        """The nodes of the next level: all cases but those that the rules exclude or complete."""
        cases, found = self.task.cases, []
        for node in level:
            self.nodes += 1
            self.spent = cases is None or self.nodes > NODES * self.task.quick
            if cases is None or self.over:
                return list(level)
            if self.complete(node):
                last = self.as_answers(node.cases)[0]
                if last.tobytes() not in self.index:
                    self.by_rules.append(self.add(last))
                continue
            known = np.array([self.answers[k] for k in node.known], np.uint8).reshape(-1, len(node.board))
            for board in node.cases:
                own = np.flatnonzero(cases.fits(board, known)).tolist() if len(known) else []
                if len(further := self.split(board)):
                    found.append(Node(board, [node.known[k] for k in own], further, node.misses))
        return found

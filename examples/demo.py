"""Three puzzles, answered by the weights that come with the package and checked by the rules. Run it: make demo"""

import sys
import time

import gram
from gram.console.puzzles import describe
from gram.console.text import say

SUDOKU = "..2.....8..3.5..9.4....9..7....45........78.3...9...2.9.16......37..2...2.4.3.67."
"""Of Sudoku-Extreme's test rows: propagation alone does not solve it, a good solver by search guesses 4 times."""
QUEENS = "......../......../Q......./......../......../.Q....../......../........"
GRAPH = "1-2 1-7 1-9 1-10 2-6 3-6 3-7 3-9 4-5 4-7 4-10 5-7 5-8 6-7 6-8 8-9 8-10"


def main() -> int:
    """Exit code 0 if every puzzle was solved, else 1."""
    print("None of the three was trained on. Answers are sampled; the rules judge them.\n")
    good = all([sudoku(), queens(), coloring()])
    print("All solved." if good else "Not all were solved.")
    return 0 if good else 1


def sudoku() -> bool:
    print("1. A hard Sudoku:", SUDOKU)
    return answer("sudoku-9", SUDOKU, width=100)


def queens() -> bool:
    print("2. Every way to put six more queens on a board that has two:", QUEENS)
    return answer("queens-8", QUEENS, width=200, want=100, list_all=True)


def coloring() -> bool:
    print("3. A graph of ten vertices in three colors:", GRAPH)
    return answer("coloring-10", GRAPH)


def answer(name: str, puzzle: str, list_all: bool = False, **options) -> bool:
    """Load the weights, solve, print; whether it is solved (and, with `list_all`, all its answers were found)."""
    start = time.perf_counter()
    reasoner = gram.load(name)
    found = reasoner.solve(puzzle, select="checked", **options)
    exist = found.exist if list_all else None
    say(describe(reasoner.task, reasoner.task.encode(puzzle), found))
    print(f"{time.perf_counter() - start:.1f} s with loading\n")
    return bool(found.valid) and exist in (None, len(found.distinct))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"demo: {error}")

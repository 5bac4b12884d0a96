"""`gram solve --explain-input FILE`: show how a file of puzzles is understood, without answering."""

from pathlib import Path

from gram.console.inputs import of_file, print_reading
from gram.console.text import counted, one_line, say
from gram.tasks.base import Task

SHOWN = 10
"""Maximum puzzles drawn."""


def explain(task: Task, path: Path, base: int | None) -> int:
    """Print the format of a file, the number of its puzzles, and the first puzzles as understood. Exit code 2 if one of
    the puzzles cannot be answered."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}; give a file of {task.spec.name} puzzles.")
    found = of_file(task, path, base)
    print_reading(found)
    say(f"{path}: {', '.join(found.form) or 'as the task reads it'}")
    say(f"{counted(len(found.puzzles), 'puzzle')} of {task.spec.name}")
    code = 0
    for number, text in enumerate(found.puzzles, 1):
        try:
            tokens = task.encode(text)
        except ValueError as error:
            code = 2
            say(f"\nPuzzle {number} cannot be answered: {' '.join(str(error).split())}")
            continue
        if number <= SHOWN:
            say(f"\nPuzzle {number}\n{task.render(tokens)}\n{one_line(task.show(tokens))}")
    if len(found.puzzles) > SHOWN:
        say(f"\nand {counted(len(found.puzzles) - SHOWN, 'more puzzle')}")
    return code

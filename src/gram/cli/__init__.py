"""The command `gram`: verbs only, no logic."""

import sys

import gram
from gram.console.exits import ended

USAGE = """usage: gram VERB ...

  gram solve TASK [PUZZLE ...]   answer puzzles with shipped or your own weights
  gram make TASK                 make puzzles, Sudokus of a wanted difficulty
  gram generate TASK             draw unconditional samples: boards, digits
  gram serve [WEIGHTS ...]       answer over HTTP
  gram eval TASK                 evaluate weights on held-out puzzles
  gram train RECIPE              train a recipe
  gram data NAME                 download or check a public data set
  gram export WEIGHTS            write a bundle that runs without PyTorch
  gram push WEIGHTS NAME         upload weights to the Hugging Face hub
  gram import CHECKPOINT         convert a checkpoint of the published TRM or HRM code
  gram bench [RECIPE ...]        measure training and sampling speed
  gram report                    write tables and figures of results
  gram reproduce NAME            train, measure and report one table, or all
  gram info                      show tasks, weights, recipes, this machine

gram VERB --help lists the options of a verb; gram --version shows the version; gram --print-completion bash (or zsh,
fish) prints a script for shell completion."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Exit code 0 for success, 2 for bad input (one sentence on stderr), 130 for Ctrl-C."""
    sys.exit(ended(lambda: dispatch(sys.argv[1:] if arguments is None else arguments)))


def dispatch(arguments: list[str]) -> int:
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if verb in ("", "-h", "--help"):
        print(USAGE)
        return 0 if verb else 2
    if verb in ("-V", "--version"):
        print(f"gram {gram.__version__}")
        return 0
    # imported late, so that a missing package is reported and --help needs none
    from gram.cli import answering, commands, train
    from gram.cli.parse import parse

    if verb == "train":
        return train.train(rest)
    verbs = {
        "solve": answering.solve,
        "make": answering.make,
        "generate": answering.generate,
        "serve": answering.serve,
        "eval": answering.evaluate,
        "data": commands.data,
        "export": commands.export,
        "push": commands.push,
        "import": commands.import_official,
        "bench": commands.bench,
        "report": commands.report,
        "reproduce": commands.reproduce,
        "info": commands.info,
    }
    if verb == "--print-completion":
        from gram.cli import completion

        print(completion.script(rest[0] if rest else "", verbs), end="")
        return 0
    if verb not in verbs:
        *others, last = verbs
        raise ValueError(f"There is no command {verb!r}; use train, {', '.join(others)} or {last}.")
    return parse(verbs[verb], rest, f"gram {verb}")()

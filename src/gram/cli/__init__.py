"""The command `gram`: verbs only, no logic."""

import sys

import gram
from gram.console.exits import ended

USAGE = """usage: gram VERB ...

  gram solve TASK [PUZZLE ...]   answer puzzles with shipped or your own weights
  gram generate TASK             draw samples of a task without puzzles: boards, digits
  gram serve [WEIGHTS ...]       answer over HTTP
  gram eval TASK                 measure weights on held-out puzzles
  gram train RECIPE              train a recipe
  gram data NAME                 get a public data set, or check one
  gram export WEIGHTS            a bundle that answers without PyTorch
  gram push WEIGHTS NAME         put weights on the Hugging Face hub
  gram import CHECKPOINT         weights of the published TRM or HRM code
  gram bench [RECIPE ...]        how fast this machine trains and samples
  gram report                    tables and figures of results, beside the published ones
  gram reproduce NAME            train, measure and report one table
  gram info                      tasks, weights, recipes, this machine

gram VERB --help tells the options of each; gram --version the version."""


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
    # imported late: a package that is missing is told, and --help needs none
    from gram.cli import answering, commands, train
    from gram.cli.parse import parse

    if verb == "train":
        return train.train(rest)
    verbs = {
        "solve": answering.solve,
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
    if verb not in verbs:
        *others, last = verbs
        raise ValueError(f"There is no command {verb!r}; use train, {', '.join(others)} or {last}.")
    return parse(verbs[verb], rest, f"gram {verb}")()

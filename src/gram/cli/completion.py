"""Shell completion: `gram --print-completion bash` (or zsh, fish) prints a script for verbs, options and names."""

import io
import os
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from typing import Any

import tyro

from gram import recipes
from gram.cli import train

SHELLS = "bash", "zsh", "fish"
NARROW = "80"
"""Columns in which help lists an option a line, not two beside each other."""
LISTED = re.compile(r"^[│ ]*((?:-\w, )?--[\w.-]+(?:, --[\w.-]+)*)", re.M)
"""The options at the beginning of a line of help, which may be in a frame."""
SHIPPED_VERBS = "solve", "make", "generate", "eval", "serve", "export", "info", "push"
"""Verbs that are followed by a task or by weights."""
BASH = """_gram() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" options="" names=""
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "{verbs} --help --version" -- "$word")); return; fi
  case "$verb" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "$names" -- "$word")); else COMPREPLY=(); fi ;;
  esac
}}
complete -o default -F _gram gram
"""
ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def script(shell: str, verbs: Mapping[str, Callable[..., Any]]) -> str:
    """The script for a shell; `verbs` by name. ValueError for a shell that is not known."""
    if shell not in SHELLS:
        raise ValueError(f"There is no completion for {shell!r}; use bash, zsh or fish.")
    trained = options_of(train.TrainArguments, **train.options(recipes.recipe("queens-8")))
    options = {name: options_of(verb) for name, verb in verbs.items()} | {"train": trained}
    names = names_of()
    if shell == "fish":
        return fish(options, names)
    cases = "\n".join(
        f'    {verb}) options="{" ".join(found)}" names="{" ".join(names.get(verb, ()))}" ;;'
        for verb, found in options.items()
    )
    return (ZSH if shell == "zsh" else "") + BASH.format(verbs=" ".join(options), cases=cases)


def options_of(verb: Callable[..., Any], **how: Any) -> list[str]:
    """The long options of a verb, as its help lists them."""
    heard, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = NARROW
    try:
        with redirect_stdout(heard), suppress(SystemExit):
            tyro.cli(verb, args=["--help"], **how)
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns
    lines = LISTED.findall(heard.getvalue())
    return sorted({word for line in lines for word in re.findall(r"--[\w.-]+", line)})


def names_of() -> dict[str, list[str]]:
    """What comes right after a verb: recipes, or shipped weights, which are called as their tasks are."""
    from gram import weights
    from gram.tasks.data.datasets import DATASETS

    shipped = {verb: weights.shipped() for verb in SHIPPED_VERBS}
    return shipped | {"train": recipes.names(), "bench": recipes.names(), "data": list(DATASETS)}


def fish(options: Mapping[str, list[str]], names: Mapping[str, list[str]]) -> str:
    """The script for fish."""
    lines = [f"complete -c gram -n __fish_use_subcommand -f -a '{' '.join(options)}'"]
    for verb, found in options.items():
        here = f"complete -c gram -n '__fish_seen_subcommand_from {verb}'"
        lines += [f"{here} -l {word.removeprefix('--')}" for word in found]
        if names.get(verb):
            lines.append(f"{here} -f -a '{' '.join(names[verb])}'")
    return "\n".join(lines) + "\n"

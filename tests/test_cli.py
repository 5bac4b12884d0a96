"""The command `gram`: JSON that scripts can rely on, and for every kind of bad input one sentence and an exit code."""

import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.boards import FOUR, NONE_LEFT
from support.command import SMALL_NETWORK, Terminal
from support.configs import TINY, saved
from support.places import ROOT

from gram import tasks
from gram import weights as weight_files
from gram.cli.parse import sentence
from gram.console import evaluation, info
from gram.console import puzzles as console
from gram.measure import record
from gram.models.recursive import Model

QUEENS = "Q...../....../....../....../....../......"


# solve ----------------------------------------------------------------------------------------------------
SOLVE_KEYS = ["puzzle", "answer", "valid", "distinct", "width", "depth", "steps", "value", "seconds"]


def test_solve_json(gram, oracle):
    ran = gram("solve", "sudoku-4", *FOUR, "--json")
    assert ran.code == 0
    assert ran.err == "Arithmetic: float32, as given.\n"
    rows = [json.loads(line) for line in ran.out.splitlines()]
    four = tasks.task("sudoku-4")
    for text, row in zip(FOUR, rows, strict=True):
        assert list(row)[: len(SOLVE_KEYS)] == SOLVE_KEYS
        assert row["puzzle"] == text
        assert row["valid"] is True
        assert four.check(four.encode(text)[None], four.encode(row["answer"])[None])[0]
        assert row["answer"] in row["distinct"]
        assert (row["width"], row["depth"], row["steps"], row["value"]) == (4, 2, 1, 1.0)
        assert 0 < row["seconds"] < 60


def test_an_unsolved_puzzle_is_said_to_be_unsolved(gram, weights):
    ran = gram("solve", "sudoku-4", FOUR[0], "--weights", weights, "--json")
    row = json.loads(ran.out)
    assert ran.code == 0
    assert (row["answer"], row["valid"], row["distinct"], row["steps"], row["value"]) == (None, False, [], None, None)
    ran = gram("solve", "sudoku-4", FOUR[0], "--weights", weights)
    assert "unsolved: no valid answer among 4 trajectories" in ran.out
    assert "solved:" not in ran.out.replace("unsolved:", "")
    ran = gram("solve", "sudoku-4", FOUR[0], "--weights", weights, "--select", "majority")
    assert "unsolved: the chosen answer breaks the rules" in ran.out
    assert (
        json.loads(gram("solve", "sudoku-4", FOUR[0], "--weights", weights, "--select", "value", "--json").out)["valid"]
        is False
    )


def test_solve_for_people(gram, oracle):
    ran = gram("solve", "queens-6", QUEENS.replace("Q", "."), ".Q..../....../....../....../....../......")
    assert "Puzzle 2" in ran.out
    assert "solved: the answer obeys all rules and keeps the givens" in ran.out
    assert re.search(r"2 of 2 solved in \d+\.\d\d s", ran.out)
    assert "\x1b" not in ran.out


def test_want_counts_what_exists(gram, oracle):
    row = json.loads(gram("solve", "queens-6", "." * 36, "--want", "4", "--json").out)
    assert row["width"] == 40
    assert row["exist"] == len(row["distinct"]) == 4
    assert "4 distinct valid answers of 4 that exist" in gram("solve", "queens-6", "." * 36, "--want", "4").out


def test_more_puzzles_than_are_answered_side_by_side(gram, oracle, monkeypatch, refused):
    monkeypatch.setattr("gram.solve.reasoner.PART", 2)
    rows = [json.loads(line) for line in gram("solve", "sudoku-4", *FOUR * 3, "--json").out.splitlines()]
    assert [row["puzzle"] for row in rows] == [*FOUR * 3]
    ran = gram("solve", "sudoku-4", *FOUR, FOUR[0], NONE_LEFT, "--json")
    assert ran.code == 2
    assert "Puzzle 4: The puzzle has no solution" in ran.err


def test_puzzles_from_a_file_and_from_standard_input(gram, oracle, tmp_path, monkeypatch):
    (tmp_path / "puzzles.txt").write_text("# two\n" + "\n".join(FOUR) + "\n")
    from_file = gram("solve", "sudoku-4", "--input", tmp_path / "puzzles.txt", "--json")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(FOUR)))
    from_stdin = gram("solve", "sudoku-4", "--json")
    for ran in (from_file, from_stdin):
        assert [json.loads(line)["puzzle"] for line in ran.out.splitlines()] == [*FOUR]


def test_what_was_read_is_said(gram, oracle, refused, tmp_path, monkeypatch):
    file = tmp_path / "edges"
    file.write_text("1 2\n2 3\n")
    for options, base in (((), 1), (("--base", 0), 0)):
        ran = gram("solve", "coloring-6", "--input", file, "--json", *options)
        assert f"1 graph, 6 vertices counted from {base}, 2 edges" in ran.err
        assert json.loads(ran.out)["puzzle"] == ("1-2 2-3", "2-3 3-4")[not base]
    monkeypatch.setattr(sys, "stdin", io.StringIO("0 1\n"))
    assert json.loads(gram("solve", "coloring-6", "--json").out)["puzzle"] == "1-2"
    ran = gram("eval", "coloring-6", "--data", file, "--base", 0, "--json")
    assert "counted from 0" in ran.err
    ran = gram("solve", "coloring-6", "1-2", "1-x", "0-1", "--skip-bad", "--json")
    assert [json.loads(line)["number"] for line in ran.out.splitlines()] == [1, 3]
    assert "Puzzle 2 is skipped: '1-x' is no edge" in ran.err
    assert "--base" in refused("solve", "sudoku-4", FOUR[0], "--base", 1)
    assert "--base" in refused("solve", "coloring-6", "1-2", "--base", 2)


def test_explain_input(gram, refused, tmp_path):
    file = tmp_path / "boards"
    file.write_text("\n".join(["1..............."] * 11 + ["11.............."]), encoding="utf-16")
    ran = gram("solve", "sudoku-4", "--explain-input", file)
    assert ran.code == 2
    assert "UTF-16, boards as text\n12 puzzles of sudoku-4" in ran.out
    assert "Puzzle 10\n" in ran.out
    assert "Puzzle 11\n" not in ran.out
    assert "Puzzle 12 cannot be answered: The digit 1" in ran.out
    file.write_text("1-2 2-3")
    ran = gram("solve", "coloring-17", "--explain-input", file)
    assert ran.code == 0
    assert "counted from 1" in ran.err
    assert "--explain-input" in refused("solve", "sudoku-4", FOUR[0], "--explain-input", file)
    assert "There is no file" in refused("solve", "sudoku-4", "--explain-input", tmp_path / "nix")


def test_no_weights_say_what_trains_them(refused):
    assert "`gram train coloring-12 --out DIR`, which takes 35 minutes" in refused("solve", "coloring-12", "1-2")


def test_nothing_to_solve(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert "There is no puzzle" in refused("solve", "sudoku-4")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "Standard input" in refused("solve", "sudoku-4")
    monkeypatch.setattr(sys, "stdin", io.StringIO("12\n"))
    assert "standard input, line 1" in refused("solve", "sudoku-4")
    (tmp_path / "empty").touch()
    assert "has no puzzles" in refused("solve", "queens-8", "--input", tmp_path / "empty")
    assert "There is no file" in refused("solve", "queens-8", "--input", tmp_path / "nix")
    (tmp_path / "file").write_text("....")
    assert "--input" in refused("solve", "queens-8", tmp_path / "file")


BAD_PUZZLES = {
    "wrong length": ("sudoku-9", "1.." * 26, "78 characters, not 81"),
    "bad character": ("sudoku-4", "1..y............", "'y' in row 1, column 4"),
    "contradicting givens": ("sudoku-9", "11" + "." * 79, "digit 1"),
    "queens that attack": ("queens-6", "Q" * 2 + "." * 34, "attack each other"),
    "queens, wrong length": ("queens-8", "...", "queens-8 needs 8 rows of 8 characters"),
    "unknown vertex": ("coloring-8", "1-9", "no vertex 9"),
    "no edge": ("coloring-8", "one-two", "is no edge"),
}


@pytest.mark.parametrize("case", BAD_PUZZLES)
def test_bad_puzzles_are_refused_before_anything_is_loaded(refused, monkeypatch, case):
    for module in (console, evaluation):
        monkeypatch.setattr(module, "load", lambda *_: pytest.fail("weights were loaded"))
    task, puzzle, sentence = BAD_PUZZLES[case]
    assert sentence in refused("solve", task, puzzle)


def test_a_puzzle_without_solution_is_refused_before_sampling(refused, weights, monkeypatch):
    monkeypatch.setattr("gram.solve.reasoner.completed", lambda *_, **__: pytest.fail("it was sampled"))
    assert "has no solution" in refused("solve", "sudoku-4", NONE_LEFT, "--weights", weights)
    assert "Puzzle 2: The puzzle has no solution" in refused(
        "solve", "sudoku-4", FOUR[0], NONE_LEFT, "--weights", weights
    )


def test_numbers_out_of_range(refused, weights):
    for option, value in (("--width", 0), ("--depth", -1), ("--seed", -1), ("--want", 0), ("--temperature", -1)):
        assert option[2:] in refused("solve", "sudoku-4", FOUR[0], "--weights", weights, option, value)
    both = refused("solve", "sudoku-4", FOUR[0], "--weights", weights, "--want", 2, "--select", "first")
    assert "want is 2" in both
    assert "select" in both


# weights --------------------------------------------------------------------------------------------------
def test_missing_and_broken_weights(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path / "nothing")
    assert "gram train sudoku-4" in refused("solve", "sudoku-4", FOUR[0])
    assert "There are no weights" in refused("solve", "sudoku-4", FOUR[0], "--weights", "nix")
    folder = saved(tmp_path / "run", "sudoku-4")
    assert "are for sudoku-4, not for sudoku-9" in refused("solve", "sudoku-9", "." * 81, "--weights", folder)
    content = (folder / weight_files.WEIGHTS).read_bytes()
    (folder / weight_files.WEIGHTS).write_bytes(content[: len(content) // 2])
    assert "truncated or damaged" in refused("solve", "sudoku-4", FOUR[0], "--weights", folder)
    assert "truncated or damaged" in refused("eval", "sudoku-4", "--limit", 2, "--weights", folder)
    (folder / weight_files.WEIGHTS).unlink()
    assert "model.safetensors is missing" in refused("solve", "sudoku-4", FOUR[0], "--weights", folder)


def test_a_config_of_another_shape(refused, tmp_path):
    folder = saved(tmp_path / "run", "sudoku-4")
    values = json.loads((folder / weight_files.CONFIG).read_text())
    values["model"]["width"] = 64
    weight_files.write_json(folder / weight_files.CONFIG, values)
    assert "use the config that the weights were trained with" in refused(
        "solve", "sudoku-4", FOUR[0], "--weights", folder
    )
    values["model"]["widht"] = 64
    weight_files.write_json(folder / weight_files.CONFIG, values)
    assert "did you mean 'width'" in refused("info", folder)


def test_shipped_weights_are_the_default(gram, tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path)
    saved(tmp_path / "coloring-4", "coloring-4", select="majority")
    assert gram("solve", "coloring-4-k3", "1-2", "--json").code == 0
    values = json.loads(gram("info", "--json").out)
    assert [w["name"] for w in values["weights"]] == ["coloring-4"]


# verbs and words ------------------------------------------------------------------------------------------
def test_unknown_words(refused, gram):
    assert "did you mean 'sudoku-9'" in refused("solve", "sudoku-99", "...")
    assert "chess" in refused("eval", "chess")
    assert "There is no command 'solv'" in refused("solv")
    assert "There is no recipe" in refused("train", "chess")
    assert "Name a recipe" in refused("train")
    assert "recipe of that name" in refused("info", "chess")
    for arguments in (["solve", "sudoku-4", "--widht", "3"], ["eval"], ["solve"], ["eval", "queens-8", "--split", "x"]):
        ran = gram(*arguments)
        assert ran.code == 2, arguments
        assert ran.err
        assert "Traceback" not in ran.err
    assert gram().code == 2


def test_a_mistyped_option_is_told_with_the_one_that_was_meant(refused):
    for words, options in (
        (("solve", "queens-8", "--widht", 3, "Q......./........"), ("--widht", "--width")),
        (("eval", "queens-8", "--selct", "value"), ("--selct", "--select")),
        (("train", "queens-8", "--train.betta", 1), ("--train.betta", "--train.beta")),
    ):
        said = refused(*words)
        assert all(option in said for option in options)
        assert "Q" not in said
    assert "did you mean" not in refused("solve", "queens-8", "--zzzzzz")


def test_a_frame_of_ascii_is_read_as_any_other():
    """What tyro writes where only ASCII can be."""
    rule = "-" * 84
    box = f""" Unrecognized options
 {rule}
  Unrecognized options: --widht, 3
  {rule}
  Perhaps you meant:
      --width {{None}}|INT
          Trajectories per puzzle. (default: None)
  {rule}
  For full helptext, run gram solve --help
"""
    assert sentence(box) == "There is no option --widht; did you mean --width?"
    box = f""" Invalid choice
 {rule}
  invalid choice 'zz' for argument '--select'. Expected one of ('first', 'None').
  {rule}
  For full helptext, run gram solve --help
"""
    assert sentence(box) == "Invalid choice 'zz' for argument '--select'; expected one of ('first', 'None')"


@pytest.mark.parametrize("verb", [[], ["train"], ["solve"], ["eval"], ["bench"], ["info"]])
def test_help(gram, verb):
    ran = gram(*verb, "--help")
    assert ran.code == 0
    assert len(ran.out) > 100


def test_info(gram, weights):
    values = json.loads(gram("info", weights, "--json").out)
    parts = values["parameters"]
    assert parts["total"] == sum(v for k, v in parts.items() if k != "total") > 0
    assert "f_L" in gram("info", "queens-8").out
    said = gram("info").out
    assert "recipes" in said
    assert len({line.index(" parameters") for line in said.splitlines() if line.endswith(" parameters")}) == 1


def test_memory(refused, monkeypatch):
    def greedy(*_, **__):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 TB")

    monkeypatch.setattr(info, "info", greedy)
    assert "not enough memory" in refused("info")


def test_ctrl_c(refused, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "info", interrupted)
    assert refused("info", code=130) == "gram: Interrupted."


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "gram.cli", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options)


def test_a_mistake_is_told_without_loading_torch():
    program = """import sys, gram.cli
try:
    gram.cli.main(["solve", "sudoku-4", "11"])
finally:
    assert "torch" not in sys.modules
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == ("gram: The puzzle has 2 characters, not 16; write 4 rows of 4 cells, `.` for a blank.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_standard_output():
    with open("/dev/full", "w") as full:
        ended = run("--help", stdout=full)
    assert (ended.returncode, ended.stderr) == (2, "gram: No space left on device.\n")


# eval -----------------------------------------------------------------------------------------------------
EVAL_KEYS = (
    *("task", "weights", "examples", "exact", "valid", "coverage", "conflicts", "width", "depth"),
    *("function_evaluations", "seconds"),
)


def test_eval_json(gram, weights):
    ran = gram("eval", "sudoku-4", "--weights", weights, "--limit", 3, "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert tuple(figures)[: len(EVAL_KEYS)] == EVAL_KEYS
    assert figures["task"] == "sudoku-4"
    assert figures["weights"] == str(weights)
    assert (figures["examples"], figures["width"], figures["depth"], figures["data"]) == (3, 4, 2, "dev")
    assert figures["function_evaluations"] == 3 * 4 * 2


def test_eval_finds_what_is_there(gram, oracle):
    figures = json.loads(gram("eval", "queens-6", "--limit", 5, "--width", 30, "--split", "test", "--json").out)
    assert figures["valid"] == figures["checked"] == 1.0
    assert figures["coverage"] > 0.9
    text = gram("eval", "queens-6", "--limit", 5).out
    assert "100.00%  one sample obeys all rules" in text
    assert "dev" in text


def test_eval_of_files(gram, oracle, refused, tmp_path):
    four = tasks.task("sudoku-4")
    with_answers = four.examples("dev", count=4)
    rows = [f"{four.show(x)},{four.decode(y)}" for x, y in zip(with_answers.inputs, with_answers.targets, strict=True)]
    table = tmp_path / "four.csv"
    table.write_text("question,answer\n" + "\n".join(rows))
    figures = json.loads(gram("eval", "sudoku-4", "--data", table, "--limit", 3, "--json").out)
    assert (figures["examples"], figures["exact"], figures["data"]) == (3, 1.0, "four.csv")
    lines = tmp_path / "boards.txt"
    lines.write_text("." * 36 + "\n" + QUEENS.replace("Q", ".") + "\n")
    figures = json.loads(gram("eval", "queens-6", "--data", lines, "--width", 40, "--json").out)
    assert (figures["examples"], figures["coverage"], figures["unlisted"]) == (2, 1.0, 0)
    lines.write_text(QUEENS + "\n")
    assert "Puzzle 1 has no solution" in refused("eval", "queens-6", "--data", lines)
    assert "no data file" in refused("eval", "queens-6", "--data", tmp_path / "nix")
    table.write_text("question\n" + "." * 16)
    assert "no column named answer" in refused("eval", "sudoku-4", "--data", table)


def test_eval_says_that_the_data_do_not_list_all_answers(gram, oracle, tmp_path):
    """One known answer of a puzzle with many."""
    blank, answer = "." * 16, "1234341221434321"
    (tmp_path / "one.csv").write_text(f"quizzes,solutions\n{blank},{answer}\n")
    found = json.loads(gram("eval", "sudoku-4", "--data", tmp_path / "one.csv", "--json").out)
    said = gram("eval", "sudoku-4", "--data", tmp_path / "one.csv").out
    assert found["unlisted"] > 0
    [line] = [line for line in said.splitlines() if line.split()[:1] == ["unlisted"]]
    assert line.split()[1] == str(found["unlisted"])
    assert "unlisted" not in gram("eval", "sudoku-4", "--limit", 5).out


def test_eval_options(gram, oracle, refused):
    sparse, dense = (
        json.loads(gram("eval", "coloring-6", "--limit", 20, "--edge-probability", p, "--json").out) for p in (0.2, 0.8)
    )
    assert sparse["coverage"] < dense["coverage"]
    assert "coloring" in refused("eval", "queens-6", "--edge-probability", 0.5)
    assert "limit is 0" in refused("eval", "queens-6", "--limit", 0)


def test_record(gram, weights, refused, tmp_path):
    (weights / "metrics.jsonl").write_text(
        '{"kind": "train", "update": 50, "seconds": 9.5}\n{"kind": "dev", "update": 60, "trained_seconds": 11.0}\n'
    )
    for split in ("dev", "test"):
        ran = gram("eval", "sudoku-4", "--weights", weights, "--limit", 2, "--split", split, "--record", tmp_path)
        assert ran.code == 0, ran.err
    path = tmp_path / "sudoku-4-tiny" / "0.json"
    values = json.loads(path.read_text())
    assert {"recipe", "task", "commit", "dirty", "seed", "hardware", "seconds", "updates", "date"} < set(values)
    assert (values["seconds"], values["updates"], values["recipe"]) == (11.0, 60, "sudoku-4-tiny")
    assert {"cpu", "cores", "torch", "threads", "dtype"} < set(values["hardware"])
    model = Model(tasks.task("sudoku-4").spec, TINY)
    assert values["parameters"] == sum(p.numel() for p in model.parameters())
    keys = [f"{split} width=4 depth=2 select=checked limit=2" for split in ("dev", "test")]
    assert list(values["figures"]) == keys
    assert values["figures"][keys[0]]["examples"] == 2
    path.write_text(json.dumps(values | {"note": "mine"}))
    gram("eval", "sudoku-4", "--weights", weights, "--limit", 2, "--record", tmp_path)
    assert json.loads(path.read_text())["note"] == "mine"
    path.write_text("[")
    assert gram("eval", "sudoku-4", "--weights", weights, "--limit", 2, "--record", tmp_path).code == 2
    assert path.read_text() == "["


def test_training_facts(tmp_path):
    assert record.training(tmp_path) == {"seconds": None, "updates": None}
    (tmp_path / "metrics.jsonl").write_text('{"kind": "train", "upd')
    assert record.training(tmp_path) == {"seconds": None, "updates": None}
    (tmp_path / "training.json").write_text('{"seconds": 60.0, "updates": 7}')
    assert record.training(tmp_path) == {"seconds": 60.0, "updates": 7}


# train ----------------------------------------------------------------------------------------------------
UPDATES = ("--train.minutes", None, "--train.updates", 3)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".jsonl"
    }


def test_train_solve_and_resume(gram, refused, tmp_path):
    out = tmp_path / "run"
    ran = gram("train", "queens-6", *SMALL_NETWORK, *UPDATES, "--out", out)
    assert ran.code == 0, ran.err
    assert f"gram eval queens-6 --weights {out}" in ran.out
    assert gram("solve", "queens-6", "." * 36, "--weights", out).code == 0
    assert json.loads(gram("info", out, "--json").out)["updates"] == 3
    assert "an earlier run" in refused("train", "queens-6", *SMALL_NETWORK, *UPDATES, "--out", out)
    assert "not of queens-8" in refused("train", "queens-8", "--resume", out)
    assert "no run to resume" in refused("train", "--resume", tmp_path / "nix")
    ran = gram("train", f"--resume={out}", "--train.updates", 5)
    assert ran.code == 0, ran.err
    assert json.loads(gram("info", out, "--json").out)["updates"] == 5


def test_bad_training_options(refused, gram, tmp_path):
    assert "minutes is 0" in refused("train", "queens-6", "--minutes", 0, "--out", tmp_path / "a")
    assert "queens-60" in refused("train", "queens-6", "--task", "queens-60", "--out", tmp_path / "b")
    assert gram("train", "queens-6", "--train.bath", 3, "--out", tmp_path / "c").code == 2


def test_ctrl_c_while_training_leaves_a_checkpoint(refused, gram, tmp_path, monkeypatch):
    from gram.train.run import Run

    update = Run.update

    def interrupted(self):
        if self.progress.update == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return update(self)

    monkeypatch.setattr(Run, "update", interrupted)
    out = tmp_path / "run"
    ran = gram("train", "queens-6", *SMALL_NETWORK, *UPDATES[:2], "--train.updates", 50, "--out", out)
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == f"gram: Stopped at update 3; continue with --resume {out}"
    assert "Traceback" not in ran.err
    monkeypatch.undo()
    assert gram("train", "--resume", out, "--train.updates", 4).code == 0


def test_full_disk_while_saving(gram, tmp_path, monkeypatch):
    import torch

    out = tmp_path / "run"
    assert gram("train", "queens-6", *SMALL_NETWORK, *UPDATES, "--out", out).code == 0
    before = files(out)

    def full(_, path):
        Path(path).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    ran = gram("train", "--resume", out, "--train.updates", 5)
    assert ran.code == 2
    assert "No space left on device" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err
    after = files(out)
    given = {"config.json", "training.json"}  # what was asked for, and that it is done: it is not any more
    assert {k: v for k, v in before.items() if k not in given} == {k: v for k, v in after.items() if k not in given}
    weight_files.load(out)


def test_a_loss_that_is_no_number(gram, tmp_path, monkeypatch):
    from gram.train.run import NotFinite, Run

    def burst(self):
        raise NotFinite("The loss is not finite at update 7; lower train.lr.")

    monkeypatch.setattr(Run, "update", burst)
    ran = gram("train", "queens-6", *SMALL_NETWORK, *UPDATES, "--out", tmp_path / "run")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("gram: The loss is not finite at update 7; lower train.lr.")
    assert "Traceback" not in ran.err


# the demo -------------------------------------------------------------------------------------------------
def test_demo(tmp_path, monkeypatch, capsys):
    """It runs on any weights, and says so when they do not solve it."""
    demo = runpy.run_path(str(ROOT / "examples" / "demo.py"))
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path)
    for task in ("sudoku-9", "queens-8", "coloring-10"):
        saved(tmp_path / task, task)
    assert demo["main"]() == 1
    out = capsys.readouterr().out
    assert out.count("unsolved: no valid answer") == 3
    assert "Not all were solved." in out


def test_demo_puzzles_were_not_trained_on():
    demo = runpy.run_path(str(ROOT / "examples" / "demo.py"))
    from gram.tasks.spec import split_of

    for name, puzzle, several in (("queens-8", "QUEENS", 8), ("coloring-10", "GRAPH", 7)):
        task = tasks.task(name)
        tokens = task.encode(demo[puzzle])
        assert split_of(tokens) == "test"
        assert len(task.solutions(tokens)) == several
    sudoku = tasks.task("sudoku-9")
    assert len(sudoku.solutions(sudoku.encode(demo["SUDOKU"]))) == 1

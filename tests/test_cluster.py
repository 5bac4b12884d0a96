"""--ray without Ray: shards give the answers of one process, in whatever order they come; what is kept of them; and
which options do not go together."""

import json
import random
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.configs import saved
from support.networks import SIX, fake, held_out, puzzles, same, tiny

import gram
from gram import cluster
from gram.atomic import alone
from gram.config import Config
from gram.console import journal, workers
from gram.console.output import records
from gram.solve.outlook import Outlook, PuzzleOutlook
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import completed, sample


class Here(cluster.Workers):
    """Workers that are this process, and end their shards in a random order."""

    def __init__(self, reasoner):
        self.reasoner, self.random = reasoner, random.Random(0)

    def __len__(self):
        return 3

    def map(self, function, shards):
        found = [(k, cluster.WORK[function](self.reasoner, *shard)) for k, shard in enumerate(shards)]
        self.random.shuffle(found)
        yield from found


@pytest.fixture
def here(monkeypatch):
    """Every cluster is this process."""
    monkeypatch.setattr(cluster, "Workers", Here)
    monkeypatch.setattr(cluster, "start", lambda address: None)
    monkeypatch.setattr(workers, "check_installed", lambda: None)


def both(network, task=SIX):
    one = Reasoner(Config(recipe="six", task=task.spec.name), network, task)
    return one, cluster.distributed(one, cluster.LOCAL)


def plain(answers):
    """The answers without their seconds."""
    return [{k: v for k, v in answer.to_dict().items() if k != "seconds"} for answer in answers]


def six(count):
    """Puzzles (count, L), of those that are made once."""
    return puzzles(SIX, 30)[:count]


def texts(count=14):
    return [SIX.show(puzzle) for puzzle in six(count)]


# answers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{"width": 3, "depth": 2, "select": "majority"}, {"want": 2, "width": 4}])
def test_answers_are_those_of_one_process(here, options):
    one, many = both(tiny(SIX, K=1, T=1))
    expected = list(one.answers(texts(), seed=5, **options))
    assert plain(many.answers(texts(), seed=5, **options)) == plain(expected)
    as_they_come = list(many.answers(iter(texts()), seed=5, ordered=False, **options))
    assert plain(sorted(as_they_come, key=lambda answer: answer.number)) == plain(expected)
    assert all(answer.task is one.task for answer in as_they_come)
    assert plain(many.solve(texts(), seed=5, **options))[3]["answer"] == expected[3].text


def test_one_process_can_give_answers_as_they_come():
    one = Reasoner(Config(recipe="six", task="sudoku-6"), fake(SIX, delay=9), SIX)
    options: dict[str, Any] = {"width": 2, "depth": 12, "select": "checked", "rows": 8}
    found = list(one.answers(texts(9), ordered=False, **options))
    assert [answer.number for answer in found] != list(range(1, 10))
    assert plain(sorted(found, key=lambda answer: answer.number)) == plain(one.answers(texts(9), **options))


def test_an_invalid_puzzle_has_its_number(here):
    _, many = both(tiny(SIX, K=1, T=1))
    bad = [*texts(20), "1", *texts(3)]
    refused = {}
    found = list(many.answers(bad, refuse=refused.__setitem__, width=1, depth=1, select="first"))
    assert list(refused) == [21]
    assert [answer.number for answer in found] == [n for n in range(1, 25) if n != 21]
    with pytest.raises(ValueError, match=r"^Puzzle 21: "):
        list(many.answers(bad, width=1, depth=1, select="first"))
    with pytest.raises(ValueError, match="widht"):
        many.answers(bad, widht=1)


@pytest.mark.parametrize("want", [None, 1])
def test_trajectories_are_those_of_one_process(here, want):
    one, many = both(fake(SIX, delay=5, wrong=0.3))
    x = six(25)
    options: dict[str, Any] = {"width": 5, "depth": 6, "seed": 2, "want": want}
    expected, stages = sample(one.network, SIX, x, **options), []
    found = dict(completed(many.network, SIX, x, **options, watch=stages.append))
    assert all(same(found[i], each) for i, each in enumerate(expected))
    assert sum(int(stage.since.sum()) for stage in stages) == sum(each.evaluations for each in expected)
    assert sorted(i for stage in stages for i in stage.over) == list(range(25))


def test_samples_of_one_puzzle_are_divided(here):
    _, many = both(tiny(SIX, K=1, T=1))
    x = six(1)
    options: dict[str, Any] = {"width": 70, "depth": 2, "seed": 3}
    outlook = Outlook(1, 70, 2)
    found = dict(completed(many.network, SIX, x, **options, watch=outlook.note))[0]
    assert same(found, sample(tiny(SIX, K=1, T=1), SIX, x, **options)[0])
    assert (outlook.over, outlook.evaluations) == (70, found.evaluations)


def test_the_first_trajectory_can_be_a_later_one():
    x = six(2)
    options: dict[str, Any] = {"depth": 3, "restart_every": 2, "temperature": 1.0}
    for start in ("fixed", "random"):
        network = tiny(SIX, start=start)
        whole = sample(network, SIX, x, width=9, **options)
        late = sample(network, SIX, x, width=4, first=5, **options)
        for all_of_them, some in zip(whole, late, strict=True):
            assert np.array_equal(all_of_them.answers[5:], some.answers)
            assert np.array_equal(all_of_them.value[5:], some.value)
    with pytest.raises(ValueError, match="first"):
        sample(tiny(SIX), SIX, x, first=-1)


def test_an_evaluation_has_the_same_metrics(here):
    one, many = both(fake(SIX, delay=4, wrong=0.5))
    examples = held_out(SIX, 30).select(np.arange(20))
    for early_stop in (False, True):
        status: list[int] = []
        options: dict[str, Any] = {"width": 6, "depth": 5, "select": "checked", "early_stop": early_stop}
        options["watch"] = partial(note, status)
        expected, found = (gram.evaluate(each, examples, **options).to_dict() for each in (one, many))
        same_ones = [name for name in expected if "seconds" not in name]
        assert {name: found[name] for name in same_ones} == {name: expected[name] for name in same_ones}
        assert status[-1] >= 12


def note(status, now):
    status.append(now().over)


def test_progress_counts_shards_in_any_order(here):
    _, many = both(tiny(SIX, K=1, T=1))
    outlook = PuzzleOutlook(14, 4)
    found = list(many.answers(texts(), watch=outlook.note, width=2, depth=2, select="majority"))
    assert (outlook.over, outlook.evaluations) == (14, sum(answer.evaluations for answer in found))


def test_shards_become_smaller(here):
    reasoner, _ = both(tiny(SIX, K=1, T=1))
    sizes = [part.stop - part.start for part in cluster.slices(2000, Here(reasoner), cluster.SHARD)]
    assert sum(sizes) == 2000
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-2]) == (128, 4)


# commands -------------------------------------------------------------------------------------------------
def test_commands_say_the_same(gram, here, tmp_path):
    folders = {name: saved(tmp_path / name, name, select="majority") for name in ("sudoku-6", "queens-5")}
    file = tmp_path / "puzzles.txt"
    file.write_text("\n".join(texts(12)))
    for command in (("solve", "sudoku-6", "--input", file), ("eval", "queens-5", "--limit", 12)):
        weights = folders[command[1]]
        one, many = (gram(*command, "--weights", weights, "--json", *more) for more in ((), ("--ray",)))
        assert one.code == many.code == 0, many.err
        expected, found = ([json.loads(line) for line in ran.out.splitlines()] for ran in (one, many))
        for record in (*expected, *found):
            for key in [key for key in record if "seconds" in key]:
                del record[key]
        assert found == expected


def test_samples_are_the_same(gram, here, tmp_path):
    folder = saved(tmp_path / "boards", "sudoku-boards-4")
    command = ("generate", "sudoku-boards-4", "--weights", folder, "--n", 40, "--json")
    one, many = gram(*command), gram(*command, "--ray")
    assert many.code == 0, many.err
    assert many.out == one.out


# what is kept ---------------------------------------------------------------------------------------------
def solving(file, folder, out, *more):
    return ("solve", "sudoku-6", "--input", file, "--weights", folder, "--output", out, "--ray", *more)


@pytest.fixture
def stopped(gram, here, tmp_path, monkeypatch):
    """Puzzles, weights and an output of which some answers are kept, since the command was stopped."""
    folder, file, out = saved(tmp_path / "six", "sudoku-6"), tmp_path / "puzzles.txt", tmp_path / "answers.jsonl"
    file.write_text("\n".join(texts(12)))
    add, count = journal.Journal.add, iter(range(5))

    def some(self, record):
        add(self, record)
        if next(count) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.Journal, "add", some)
    assert gram(*solving(file, folder, out)).code == 130
    monkeypatch.setattr(journal.Journal, "add", add)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl.part", "puzzles.txt", "six"]
    return file, folder, out


def test_the_same_command_continues(gram, stopped, tmp_path):
    file, folder, out = stopped
    part = out.with_name("answers.jsonl.part")
    kept = [json.loads(line) for line in part.read_text().splitlines()[1:]]
    assert len(kept) == 5
    with part.open("ab") as cut:
        cut.write(b'{"number": 3, "puz')
    ran = gram(*solving(file, folder, out))
    assert ran.code == 0, ran.err
    assert f"{part} has 5 of 12 answers" in ran.err
    assert " of 12 solved in " in ran.out
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["number"] for record in found] == list(range(1, 13))
    assert all(found[record["number"] - 1] == record for record in kept)
    assert not part.exists()
    whole = tmp_path / "whole.jsonl"
    gram("solve", "sudoku-6", "--input", file, "--weights", folder, "--output", whole)
    for one, other in zip(map(json.loads, whole.read_text().splitlines()), found, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_what_does_not_belong_together_is_refused(refused, stopped, tmp_path):
    file, folder, out = stopped
    part = out.with_name("answers.jsonl.part")
    before = part.read_bytes()
    assert "other weights, options" in refused(*solving(file, folder, out, "--seed", 1))
    assert "other weights" in refused(*solving(file, saved(tmp_path / "new", "sudoku-6", depth=1), out))
    other = tmp_path / "other.txt"
    other.write_text("\n".join(texts(12)[::-1]))
    assert "answers to other puzzles" in refused(*solving(other, folder, out))
    with alone(part):
        assert "Another process is writing" in refused(*solving(file, folder, out))
    assert part.read_bytes() == before
    part.write_bytes(before + b"[]\n")
    assert "damaged" in refused(*solving(file, folder, out))
    assert not out.exists()


def test_a_refused_command_leaves_nothing(refused, here, tmp_path):
    folder, file = saved(tmp_path / "six", "sudoku-6"), tmp_path / "puzzles.txt"
    file.write_text("\n".join([*texts(1), "1"]))
    refused(*solving(file, folder, tmp_path / "answers.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["puzzles.txt", "six"]


def test_answers_without_a_file_are_kept_nowhere(tmp_path):
    with records(None) as taken, journal.keeping(None, continues=True) as kept:
        kept.add({"number": 1})
    assert (len(kept), kept.taken.number, taken.number) == (0, 1, 0)


# options --------------------------------------------------------------------------------------------------
def test_options_that_need_one_process(refused, here, weights, tmp_path):
    four = ("sudoku-4", "--weights", weights, "--ray")
    new = tmp_path / "new"
    for option in (("--server", "http://x"), ("--animate", f"{new}.svg"), ("--timeout", 1), ("--total-timeout", 1)):
        said = refused("solve", *four, *option)
        assert said == f"gram: --ray does not work with {option[0]}; leave one of them out."
    for option in (("--record", new), ("--bits",), ("--timeout", 1)):
        assert f"does not work with {option[0]}" in refused("eval", *four, *option)
    assert "does not work with --evolution" in refused("generate", "sudoku-boards-4", "--ray", "--evolution", new)
    assert "takes one address at most" in refused("solve", *four, "a:1", "b:2")
    (new / "bundle").mkdir(parents=True)
    (new / "bundle" / "manifest.json").write_text("{}")
    assert "does not work with the bundle" in refused("eval", "sudoku-4", "--weights", new / "bundle", "--ray")
    with pytest.raises(ValueError, match="arc-1 is answered by one process"):
        workers.alone(cluster.LOCAL, "arc-1")


def test_without_ray_a_command_says_how_to_get_it(refused, weights, monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda *_: None)
    said = refused("eval", "sudoku-4", "--weights", weights, "--ray")
    assert said == 'gram: --ray needs Ray; run pip install "gram-reasoning[ray]".'


def test_an_address_where_nothing_listens_is_refused(refused, weights, monkeypatch):
    monkeypatch.setattr(workers, "check_installed", lambda: None)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    for address in ("127.0.0.1:9", "nowhere", "127.0.0.1:99999"):
        said = refused("eval", "sudoku-4", "--weights", weights, "--limit", 2, "--ray", address)
        assert f"No Ray cluster answers at '{address}'" in said

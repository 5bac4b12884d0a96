"""ARC: files, canvases, views, what is held out, votes and scores; that it trains, goes on, answers and refuses."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import places
from support.arc import MODEL, TRAIN, config, raw
from support.ranks import together

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, read_config
from gram.measure.arc import Attempt, copied, most_frequent, passes, ranked, score
from gram.models.build import build
from gram.models.recursive import Model
from gram.solve.reasoner import load as reasoner_of
from gram.tasks import testing
from gram.tasks.arc.files import Pair, Puzzle, Splits, splits
from gram.tasks.arc.grids import END, View, corner, crop, parse, place, same_in_all_views, views, write
from gram.tasks.arc.reading import puzzles_of, read_puzzles
from gram.tasks.arc.task import Arc, describe
from gram.tasks.base import Symmetry
from gram.tasks.spec import IDENTITY, PAD, spell, spelled
from gram.train import loop
from gram.train.log import NullLog
from gram.train.optim import PuzzleVectors
from gram.train.parallel import World

DATA = places.DATA / "arc"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no ARC files in {DATA}; set GRAM_DATA")
ALONE = World(0, 1, torch.device("cpu"))


def grid(text: str) -> np.ndarray:
    return parse(text)


def cropped(canvas: np.ndarray, *where: int) -> str | None:
    found = crop(canvas, *where)
    return None if found is None else write(found)


def name_of(pair: Pair) -> bytes:
    assert pair.output is not None
    return same_in_all_views(pair.input, pair.output)


@pytest.fixture(scope="module")
def task(arc_files) -> Arc:
    return Arc("arc-1-6", arc_files)


# grids ----------------------------------------------------------------------------------------------------
def test_a_grid_on_its_canvas():
    canvas = place(grid("12/34/56"), 5).reshape(5, 5)
    expected = [[3, 4, 1, 0, 0], [5, 6, 1, 0, 0], [7, 8, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(canvas, expected)
    moved = place(grid("12/34/56"), 5, 2, 1)
    assert corner(moved, 5) == (2, 1)
    assert cropped(moved, 5, 2, 1) == "12/34/56"
    full = place(np.zeros((5, 5), np.uint8), 5)
    assert END not in full
    assert cropped(full, 5) == "/".join(["00000"] * 5)


@pytest.mark.parametrize(
    ("canvas", "expected"),
    [
        ([[2, 3, 1], [4, 5, 1], [1, 1, 7]], "01/23"),
        ([[2, 3, 4], [4, 5, 6], [6, 7, 8]], "012/234/456"),
        ([[2, 3, 1], [4, 1, 9], [5, 1, 9]], "0/2/3"),  # a ragged edge: the largest rectangle
        ([[1, 3, 1], [4, 5, 9], [5, 9, 9]], None),
    ],
)
def test_what_is_cropped(canvas, expected):
    assert cropped(np.array(canvas, np.uint8).reshape(-1), 3) == expected


def test_views_are_undone_and_each_is_there_once():
    some, one = views(40), grid("012/345")
    assert len(set(some)) == 40
    assert views(3) == some[:3]
    assert some[0].apply(one).tolist() == one.tolist()
    assert {view.turn for view in some} == set(range(8))
    for view in some:
        assert view.colors[0] == 0
        np.testing.assert_array_equal(view.undo(view.apply(one)), one)
    turned = View(1, (0, 2, 1, 3, 4, 5, 6, 7, 8, 9)).apply(one)
    assert write(turned) == "15/24/03"  # a quarter to the left, 1 and 2 exchanged


def test_a_pair_has_one_name_in_all_views():
    one, two = grid("120/003"), grid("11/20")
    names = {same_in_all_views(view.apply(one), view.apply(two)) for view in views(30)}
    assert len(names) == 1
    assert same_in_all_views(one, grid("11/22")) not in names


def test_numbers_are_spelt():
    numbers = np.array([0, 255, 256, 959_999])
    np.testing.assert_array_equal(spelled(spell(numbers)), numbers)
    assert spell(numbers)[2].tolist() == [0, 1, 0]


# the task -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
def test_what_every_task_owes(task, check):
    check(task)


def test_translation_is_a_symmetry_too(arc_files):
    moving = Arc("arc-1-6", replace(arc_files, translate=True))
    testing.check_task(moving)
    some = moving.examples("train", count=50)
    symmetry = moving.symmetry(np.random.default_rng(0), len(some))
    seen, answers = moving.augment(symmetry, some.inputs, some.targets)
    corners = {corner(row[IDENTITY:], 6) for row in seen}
    assert len(corners) > 5
    for x, y in zip(seen, answers, strict=True):
        assert corner(x[IDENTITY:], 6) == corner(y[IDENTITY:], 6)


def test_a_variant_has_an_identity_of_its_own(task):
    some = task.examples("train", count=40)
    symmetry = task.symmetry(np.random.default_rng(0), len(some))
    seen, answers = task.augment(symmetry, some.inputs, some.targets)
    before, after = spelled(some.inputs), spelled(seen)
    assert (before % 4 == 0).all()
    np.testing.assert_array_equal(before // 4, after // 4)
    assert set((after % 4).tolist()) == {0, 1, 2, 3}
    for old, number, new, answer in zip(some.inputs, after, seen, answers, strict=True):
        asked = task.grid_of(old)
        np.testing.assert_array_equal(task.variants_of(number // 4, asked)[number % 4], new)
        view = task.views[number % 4]
        np.testing.assert_array_equal(view.undo(crop(answer[IDENTITY:], 6)), task.grid_of(answer, number % 4))
    assert task.check(seen, answers).all()


def test_what_lies_outside_of_the_grid_counts_for_nothing(task):
    some = task.examples("train", count=30)
    noisy = np.where(some.targets == PAD, np.uint8(7), some.targets)
    noisy[:, :IDENTITY] = PAD
    np.testing.assert_array_equal(task.canonical(noisy), some.targets)
    assert task.check(some.inputs, noisy).all()
    wrong = some.targets.copy()
    wrong[:, IDENTITY] = 2 + (wrong[:, IDENTITY] - 1) % 10
    np.testing.assert_array_equal(task.conflicts(some.inputs, wrong), 1)


def test_arc_1_and_its_sizes_are_tasks():
    assert {"arc-1", "arc-2", "arc-1-5", "arc-2-29"} <= set(tasks.names())
    assert not {"arc-1-4", "arc-1-30", "arc-3"} & set(tasks.names())


# what is held out -----------------------------------------------------------------------------------------
def leaks(found: Splits) -> list[str]:
    """Held-out pairs that are trained on: with the same input in the same puzzle, or in any view elsewhere."""
    held = [*found.dev, *found.test]
    inputs = {(e.puzzle, write(e.pair.input)) for e in held}
    names = {name_of(e.pair): e.puzzle for e in held}
    wrong = [e for e in found.train if (e.puzzle, write(e.pair.input)) in inputs]
    wrong += [e for e in found.train if names.get(name_of(e.pair), e.puzzle) != e.puzzle]
    return [found.puzzles[e.puzzle].name for e in wrong]


def test_no_test_pair_is_trained_on():
    a, b, c, d = (Pair(grid(x), grid(y)) for x, y in (("12", "21"), ("34/50", "43/05"), ("7", "8"), ("99/90", "09/99")))
    mirrored = Pair(grid("05/43"), grid("50/34"))  # b upside down
    recolored = Pair(grid("66/60"), grid("06/66"))  # d in another color
    asked = [Puzzle("asked", (a,), (b,)), Puzzle("also", (c, d), (Pair(grid("1"), None),))]
    known = [
        Puzzle("asked", (c,), (a,)),  # by its name an asked one
        Puzzle("copy", (c, d), (b,)),  # by what it shows
        Puzzle("holds", (b, mirrored, recolored, c), ()),
    ]
    found = splits(known, asked)
    assert [p.name for p in found.puzzles] == ["holds", "asked", "also"]
    assert [e.pair for e in found.test] == [b]
    trained = {(found.puzzles[e.puzzle].name, write(e.pair.input)) for e in found.train}
    assert trained == {("holds", "66/60"), ("holds", "7"), ("asked", "12"), ("also", "7"), ("also", "99/90")}
    assert not leaks(found)


def test_dev_is_a_fifth_of_the_known_puzzles_and_never_trained_on(arc_files):
    found = Arc("arc-1-6", arc_files)._splits
    developing = {p.name for p in found.puzzles if p.develops and p.name.startswith("p")}
    assert {found.puzzles[e.puzzle].name for e in found.dev} == developing
    assert 1 <= len(developing) < 15
    assert {found.puzzles[e.puzzle].name for e in found.test} == {f"qp0{i}" for i in range(6)}
    assert not leaks(found)


@needs_data
@pytest.mark.parametrize(("name", "tests"), [("arc-1-10", 88), ("arc-2-15", 14)])
def test_no_test_pair_of_the_public_sets_is_trained_on(name, tests):
    made = Arc(name)
    assert len(made.examples("test")) == tests
    assert not leaks(made._splits)
    evaluation = read_puzzles(DATA / f"arc{name[4]}_evaluation.json.gz")
    answers = {(p.name, write(pair.input)) for p in evaluation for pair in p.asked}
    trained = {(made.config.names[e.puzzle], write(e.pair.input)) for e in made._splits.train}
    assert not answers & trained


@needs_data
def test_arc_1_never_reads_arc_2():
    made = Arc("arc-1-5").config
    assert not [name for name in (*made.known, *made.more, *made.asked) if "arc2" in name]


# votes and scores -----------------------------------------------------------------------------------------
def test_votes_then_values_then_order():
    a, b, c = grid("1"), grid("2"), grid("11")
    found = ranked([b, a, None, c, a, c, b], [0.1, 0.5, 9.0, 0.2, 0.7, 0.4, 0.3])
    assert [(write(x.grid), x.votes) for x in found] == [("1", 2), ("11", 2), ("2", 2)]
    assert found[0].value == pytest.approx(0.6)
    assert [write(x.grid) for x in ranked([b, a], [0.5, 0.5])] == ["2", "1"]
    assert ranked([None], [1.0]) == []
    assert isinstance(found[0], Attempt)


def test_pass_at_k_by_hand():
    right, wrong, other = grid("12/34"), grid("12/33"), grid("1234")
    assert passes([wrong, right], right, 2)
    assert not passes([wrong, right], right, 1)
    assert not passes([wrong, other, right], right, 2)  # the third attempt is one too many
    assert not passes([other], right, 2)  # the same cells in another shape
    assert not passes([], right, 2)
    # puzzle 0: both test inputs at once; puzzle 1: the second attempt, then never; puzzle 2: at once
    attempts = [[right], [right, wrong], [wrong, right], [wrong, other], [right]]
    found = score(attempts, [right] * 5, [0, 0, 1, 1, 2])
    assert found == pytest.approx(
        {
            "pass_1": 3 / 5,
            "task_pass_1": 2 / 3,
            "mean_pass_1": 2 / 3,
            "pass_2": 4 / 5,
            "task_pass_2": 2 / 3,
            "mean_pass_2": 2.5 / 3,
        }
    )


def test_baselines_by_hand():
    shown = [Pair(grid("1"), grid(out)) for out in ("5", "66", "77", "77", "66", "8")]
    assert [write(x) for x in most_frequent(shown)] == ["66", "77"]
    assert [write(x) for x in copied(grid("12"))] == ["12"]
    assert most_frequent([Pair(grid("1"), None)]) == []


# the vectors of the puzzles -------------------------------------------------------------------------------
@pytest.mark.parametrize("registers", [0, 1, 3])
@pytest.mark.parametrize("puzzle_embedding", [False, True])
def test_a_puzzle_has_a_vector_in_front_or_everywhere(task, registers, puzzle_embedding):
    model = Model(task.spec, replace(MODEL, registers=registers, puzzle_embedding=puzzle_embedding))
    assert model.identities is not None
    assert model.rows == registers + 36
    x = torch.from_numpy(task.examples("train", count=2).inputs.astype(np.int64))
    assert model.identify(x).tolist() == spelled(x.numpy().astype(np.uint8)).tolist()
    plain = model.encode(x)
    assert plain.shape == (2, registers + 36, 16)
    model.identities[model.identify(x)[0]] = 1.0
    changed = (model.encode(x) != plain).any(-1)
    assert changed[0].sum() == (36 if registers == 0 else 1)
    assert changed[0, 0]
    assert not changed[1].any()
    out = model.decode(model.step(model.initial(2), plain, torch.zeros(1, 2, model.rows, 16)).readout)
    assert out.logits.shape == (2, 39, 12)
    assert (out.logits[..., PAD] == float("-inf")).all()


def test_only_vectors_of_the_batch_move_and_by_their_rate(task):
    model = Model(task.spec, MODEL)
    assert model.identities is not None
    model.identities.fill_(1.0)
    vectors = PuzzleVectors(model, replace(TRAIN, lr_puzzle=0.1, weight_decay_puzzle=0.5), ALONE)
    x = torch.tensor([[3, 0, 0, *[0] * 36], [3, 0, 0, *[0] * 36], [5, 0, 0, *[0] * 36]])
    taken = vectors.take(x)
    assert taken is not None
    (taken * torch.tensor([[1.0], [-3.0], [2.0]])).sum().backward()
    vectors.step(x, taken, 0.5)
    decayed = 1 - 0.05 * 0.5
    assert torch.allclose(model.identities[3], torch.tensor(decayed + 0.05))  # 1 - 3 < 0
    assert torch.allclose(model.identities[5], torch.tensor(decayed - 0.05))
    assert (model.identities[[0, 1, 2, 4, 6]] == 1).all()


def test_two_processes_move_the_same_vectors_as_one(arc_files, tmp_path):
    made = config(arc_files, guidance="none")
    made = replace(made, train=replace(made.train, updates=4, optimizer="adamw", lr=0.0, value_weight=0.0))
    together(lambda: loop.train(made, tmp_path / "two"))
    one, two = (
        weight_files.load(folder)[1].state_dict() for folder in (loop.train(made, tmp_path / "one"), tmp_path / "two")
    )
    assert one["identities"].any()
    apart = (one["identities"] - two["identities"]).abs() > 1e-4  # a sign of next to nothing may differ
    assert apart.float().mean() < 0.01


def test_rivals_and_unary_models_are_refused(task):
    with pytest.raises(ValueError, match="cannot distinguish puzzles"):
        build(task.spec, replace(MODEL, kind="direct", registers=0))
    with pytest.raises(ValueError, match='needs mixer "groups" and a task with symbols'):
        build(task.spec, replace(MODEL, unary=True, mixer="groups", positions="none", registers=0))


def test_every_mixer_learns_vectors(arc_files):
    for model in ({"mixer": "groups", "positions": "none", "registers": 0}, {"guidance": "none"}, {"registers": 0}):
        run = loop.Run(config(arc_files, **model), tasks.of(config(arc_files)), ALONE, NullLog())
        run.update()
        assert run.vectors is not None
        assert run.vectors.model.identities is not None
        assert run.vectors.model.identities.any(1).sum() > 4
        assert torch.equal(run.average.state_dict()["identities"], run.vectors.model.identities)


# from the files to pass@2 -------------------------------------------------------------------------------------
def test_weights_know_their_puzzles(arc_run):
    made = read_config(arc_run / "config.json").arc
    assert made is not None
    assert len(made.names) == len(made.contents) == 36
    assert (arc_run / "training.json").is_file()
    loaded, model = weight_files.load(arc_run)
    assert isinstance(model, Model)
    assert model.identities is not None
    assert model.identities.any()
    assert tasks.of(replace(loaded, arc=replace(made, known=("gone",), asked=("gone",)))).spec == model.spec


def test_a_run_that_was_cut_off_ends_as_if_it_had_not(arc_run, arc_files, tmp_path):
    cut = loop.train(config(arc_files), tmp_path / "cut", stop_at=5)
    settled = read_config(cut / "config.json")
    loop.train(settled, cut, resume=True)
    whole, parts = (weight_files.load(folder)[1].state_dict() for folder in (arc_run, cut))
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


def test_other_puzzles_do_not_go_on(arc_run, arc_files):
    other = Arc("arc-1-6", replace(arc_files, names=("x",), contents=("0" * 16,)))
    with pytest.raises(ValueError, match=r"hold other puzzles than these weights were trained with"):
        other.examples("train")
    with pytest.raises(ValueError, match=r"the puzzles = '36 \(.*'30 \("):
        loop.train(replace(config(arc_files), arc=replace(arc_files, asked=())), arc_run, resume=True)
    with pytest.raises(ValueError, match=r"arc.variants = 4 .* 5"):
        loop.train(replace(config(arc_files), arc=replace(arc_files, variants=5)), arc_run, resume=True)


def test_eval(arc_run, gram, tmp_path):
    code, out, err = gram("eval", "arc-1-6", "--weights", arc_run, "--split", "test", "--json", "--record", tmp_path)
    assert code == 0, err
    values = json.loads(out)
    assert values["examples"] == values["puzzles"] == 6
    for name in ("pass_1", "pass_2", "task_pass_2", "mean_pass_2", "copy_pass_2", "frequent_pass_2", "exact_one"):
        assert 0 <= values[name] <= 1
    assert values["function_evaluations"] == 6 * 4 * 2 * 2
    record = json.loads((tmp_path / "tiny" / "0.json").read_text())
    assert record["figures"]["test width=2 depth=2 select=majority"]["pass_2"] == values["pass_2"]
    code, out, err = gram("eval", "arc-1-6", "--weights", arc_run, "--limit", 3)
    assert code == 0, err
    assert "3 test inputs of 3 puzzles of dev" in out
    assert err.startswith("3 test inputs; reading the weights.\n")
    assert "pass_2" in out


def test_solve(arc_run, arc_files, gram, tmp_path):
    asked = json.loads(Path(arc_files.asked[0]).read_text())
    one = tmp_path / "one.json"
    one.write_text(json.dumps(asked["qp03"]))  # known by what it shows, whatever it is called
    code, out, err = gram("solve", "arc-1-6", one, "--weights", arc_run, "--json")
    assert code == 0, err
    [line] = [json.loads(line) for line in out.splitlines()]
    assert (line["puzzle"], line["test"], line["voters"]) == ("one", 1, 8)
    assert len(line["attempts"]) == len(line["votes"]) <= 2
    assert line["right"] in (0, 1, 2)
    code, out, err = gram("solve", "arc-1-6", "--input", arc_files.asked[0], "--weights", arc_run)
    assert code == 0, err
    assert out.count("attempt 1, ") == 6
    code, again, err = gram("solve", "arc-1-6", "qp03 12/30", "--weights", arc_run)
    assert code == 0, err
    assert "qp03, test input 1\n1 2\n3 0\n" in again


def test_one_s_own_puzzles_are_trained_on_and_answered(tmp_path, gram, monkeypatch):
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))  # without the public files
    own = raw(np.random.default_rng(5), 2)
    del own["p01"]["test"][0]["output"]
    (tmp_path / "own.json").write_text(json.dumps(own))
    small = ("--model.width", 16, "--model.hidden", 16, "--model.guidance-hidden", 8, "--model.K", 1, "--model.T", 1)
    options = ("--train.updates", 3, "--train.minutes", "None", "--train.batch", 4, "--train.N-sup", 2)
    options += ("--train.compile", "False", "--train.dtype", "float32", "--arc.variants", 2, "--solve.depth", 2)
    out = tmp_path / "run"
    code, _, err = gram("train", "arc-1-6", "--data", tmp_path / "own.json", *small, *options, "--out", out)
    assert code == 0, err
    made = read_config(out / "config.json").arc
    assert made is not None
    assert made.names == ("p00", "p01")
    code, said, err = gram("solve", "arc-1-6", tmp_path / "own.json", "--weights", out, "--json")
    assert code == 0, err
    assert [json.loads(line)["right"] is None for line in said.splitlines()] == [False, True]


# what is refused ------------------------------------------------------------------------------------------
GOOD = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[1]]}]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ([1], 'must hold an object with "train" and "test"'),
        ({"train": []}, 'needs the lists "train" and "test"'),
        ({"train": [], "test": []}, "has no train pair"),
        ({"train": [{"input": [[1]]}], "test": []}, 'train pair 1 needs "input" and "output"'),
        ({**GOOD, "test": [{"output": [[1]]}]}, 'test pair 1 needs "input"'),
        ({**GOOD, "test": [{"input": [[0] * 31]}]}, "test pair 1, input is 1x31; grids of ARC are at most 30x30"),
        ({**GOOD, "test": [{"input": [[0]] * 31}]}, "is 31x1; grids of ARC are at most 30x30, make it smaller"),
        ({**GOOD, "test": [{"input": [[0, 1], [2]]}]}, "row 2 has 1 cells and row 1 has 2"),
        ({**GOOD, "test": [{"input": [[0, 10]]}]}, "10 in row 1"),
        ({**GOOD, "test": [{"input": [[True]]}]}, "True in row 1"),
        ({**GOOD, "test": [{"input": "12"}]}, "a grid"),
    ],
)
def test_bad_files(content, sentence, tmp_path, gram, arc_run):
    path = tmp_path / "bad.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    out = tmp_path / "out"
    for arguments in (
        ("solve", "arc-1-6", path, "--weights", arc_run),
        ("train", "arc-1-6", "--data", path, "--out", out),
    ):
        code, said, err = gram(*arguments)
        assert code == 2
        assert sentence in err
        assert not said
        assert err.count("\n") == 1
    assert not out.exists()


def test_other_refusals(arc_run, arc_files, tmp_path, refused, task):
    stranger = tmp_path / "stranger.json"
    stranger.write_text(json.dumps(GOOD))
    err = refused("solve", "arc-1-6", stranger, "--weights", arc_run)
    assert "The puzzle stranger is not among the 36" in err
    assert "train with it: gram train arc-1-6 --data FILE" in err
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({"qp03": GOOD}))
    assert "other pairs here than in training" in refused("solve", "arc-1-6", changed, "--weights", arc_run)
    assert "There is no file nowhere.json" in refused("solve", "arc-1-6", "nowhere.json", "--weights", arc_run)
    assert "not among the 36" in refused("solve", "arc-1-6", "xyz 12", "--weights", arc_run)
    assert "is not a puzzle" in refused("solve", "arc-1-6", "qp03\n", "--weights", arc_run)
    assert "allows at most 6" in refused("solve", "arc-1-6", "qp03 1234567", "--weights", arc_run)
    assert "'a' is not a variant" in refused("solve", "arc-1-6", "qp03*a 12", "--weights", arc_run)
    assert "Row 2 of the grid has 1 cells" in refused("solve", "arc-1-6", "qp03 12/3", "--weights", arc_run)
    assert "--want" in refused("solve", "arc-1-6", "qp03 12", "--want", 2, "--weights", arc_run)
    assert "--select" in refused("eval", "arc-1-6", "--select", "first", "--weights", arc_run)
    assert "limit is 0" in refused("eval", "arc-1-6", "--limit", 0, "--weights", arc_run)
    assert "not for arc-1-7" in refused("eval", "arc-1-7", "--weights", arc_run)
    assert "gram train arc-1-7 --out DIR" in refused("solve", "arc-1-7", stranger)
    large = tmp_path / "large.json"
    large.write_text(json.dumps({**GOOD, "test": [{"input": [[0] * 12]}]}))
    err = refused("train", "arc-1-6", "--data", large, "--out", tmp_path / "out")
    assert re.search("12.*arc-1-6 .*6.*arc-1-12", err)
    err = refused("train", "arc-1-6", "--arc.variants", 0, "--data", stranger, "--out", tmp_path / "out")
    assert "arc.variants is 0" in err
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="no pair with a known output in the split test"):
        Arc("arc-1-6", replace(arc_files, asked=())).examples("test")


def test_exchange_with_the_published_code_is_refused(arc_run, tmp_path, gram):
    code, _, err = gram("export", arc_run, "--official", "--out", tmp_path / "out")
    assert code == 2
    assert "has a vector for each of its puzzles" in err
    assert not (tmp_path / "out").exists()


def test_weights_need_only_the_files_of_what_is_measured(arc_run, arc_files):
    made = read_config(arc_run / "config.json").arc
    assert made is not None
    asked = Arc("arc-1-6", replace(made, known=()))
    whole = Arc("arc-1-6", made)
    np.testing.assert_array_equal(asked.examples("test").inputs, whole.examples("test").inputs)
    assert asked.puzzle(35).name == whole.puzzle(35).name == "qp05"
    with pytest.raises(ValueError, match="give the same files"):
        asked.examples("train")


def test_tokens_of_another_puzzle_are_refused(arc_run, task):
    reasoner = reasoner_of(arc_run)
    tokens = task.examples("dev", count=1).inputs[0]
    answer = reasoner.solve(tokens)
    assert answer.valid is None
    assert answer.puzzle == task.show(tokens)
    with pytest.raises(ValueError, match="not a puzzle of arc-1-6"):
        reasoner.solve(np.where(np.arange(len(tokens)) < IDENTITY, 255, tokens))


def test_the_same_name_twice_is_refused():
    [one] = puzzles_of(json.dumps(GOOD), "f", "p")
    with pytest.raises(ValueError, match="puzzles named p"):
        splits([], [one, Puzzle("p", (Pair(grid("3"), grid("4")),), ())])


def test_describe_leaves_other_tasks_alone():
    other = Config(recipe="x", task="queens-8")
    assert describe(other) is other


def test_symmetries_are_those_of_the_variants(task):
    drawn = task.symmetry(np.random.default_rng(0), 200)
    assert {variant for variant, _, _ in task._read(drawn)} == {0, 1, 2, 3}
    again = Symmetry(drawn.positions, drawn.tokens.astype(np.uint8))
    assert task._read(again) == task._read(drawn)

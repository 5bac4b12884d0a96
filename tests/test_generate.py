"""p(x): boards from scratch, their figures, their pictures, and the commands that draw and measure them."""

import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from support.bundles import graphs_of
from support.command import exit_code
from support.configs import TINY
from support.networks import fake, tiny

from gram import recipes, tasks
from gram import weights as weight_files
from gram.config import Config, SolveConfig, TrainConfig
from gram.console import png as pictures
from gram.console.samples import seen
from gram.measure.samples import chi_square_tail, evenness, metrics
from gram.models.recursive import Model
from gram.ship import runtime
from gram.ship.export import export
from gram.solve import generate, reasoner
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import sample
from gram.tasks.base import Unconditional
from gram.tasks.data.store import load_examples
from gram.tasks.sudoku.boards import SudokuBoards
from gram.train import heads, loop

FOUR, NINE = SudokuBoards(4), SudokuBoards(9)
BOARD = "123456789456789123789123456231564897564897231897231564312645978645978312978312645"


def board(text: str = BOARD) -> np.ndarray:
    return np.array([1 if c == "." else int(c) + 1 for c in text], np.uint8)


# the task -------------------------------------------------------------------------------------------------
def test_there_are_288_boards_of_4x4():
    boards = FOUR.support()
    assert boards is not None
    assert len(np.unique(boards, axis=0)) == 288
    assert FOUR.check(np.tile(FOUR.blank, (288, 1)), boards).all()
    for split in ("train", "dev", "test"):
        np.testing.assert_array_equal(FOUR.examples(split).targets, boards)
    assert FOUR.examples("train").counts.tolist() == [288]


def test_boards_obey_the_rules_of_sudoku():
    wrong = board()
    wrong[0] = wrong[1]
    both = np.stack([board(), wrong])
    assert NINE.check(np.tile(NINE.blank, (2, 1)), both).tolist() == [True, False]
    assert NINE.decode(board()) == BOARD
    assert NINE.support() is None
    assert not NINE.spec.givens
    seen, found = NINE.augment(NINE.symmetry(np.random.default_rng(0), 2), np.tile(NINE.blank, (2, 1)), both)
    assert (seen == NINE.blank).all()
    assert NINE.check(seen, found).tolist() == [True, False]


def test_a_board_has_no_puzzle():
    with pytest.raises(ValueError, match="gram generate sudoku-boards-4"):
        FOUR.encode("1...............")
    with pytest.raises(ValueError, match="name files"):
        NINE.examples("train")
    with pytest.raises(ValueError, match="train, dev, test"):
        FOUR.examples("valid")


def test_boards_come_from_the_answers_of_puzzle_files(tmp_path):
    turned = "".join(BOARD[9 * (i % 9) + i // 9] for i in range(81))
    rows = [f"{'.' * 3}{b[3:]},{b}" for b in (turned, BOARD, turned)]
    for name, part in (("one", rows[:1]), ("two", rows[1:])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["question,answer", *part]))
    found = load_examples(NINE, tuple(str(tmp_path / f"{name}.csv") for name in ("one", "two")), "train", count=1)
    np.testing.assert_array_equal(found.inputs, NINE.blank[None])
    assert [NINE.decode(t) for t in found.targets] == [turned, BOARD]  # each once, in the order of the files


def test_a_board_is_drawn_with_its_digits():
    image = NINE.picture(board())
    assert image.shape == (82, 82)
    one, two = image[3:8, 4:7] == 0, image[3:8, 13:16] == 0
    assert one.astype(int).tolist() == [[0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0], [1, 1, 1]]
    assert two.sum() == 8
    empty = NINE.picture(NINE.blank)
    assert not (empty == 0).any()


# sampling -------------------------------------------------------------------------------------------------
def test_the_seed_decides_and_the_number_does_not():
    network = tiny(FOUR, mixer="groups", unary=True)
    many = generate.draw(network, FOUR, width=9, depth=3, seed=1)
    few = generate.draw(network, FOUR, width=4, depth=3, seed=1)
    np.testing.assert_array_equal(many.tokens[:4], few.tokens)
    assert not np.array_equal(many.tokens, generate.draw(network, FOUR, width=9, depth=3, seed=2).tokens)
    assert len({t.tobytes() for t in many.tokens}) > 1  # from one blank and shared weights, by noise alone


def test_a_reasoner_generates_or_solves():
    config = Config(recipe="x", task="sudoku-boards-4", solve=SolveConfig(width=5, depth=4, restart_every=3))
    network = tiny(FOUR, mixer="groups", unary=True)
    boards = Reasoner(config, network)
    again = generate.draw(network, FOUR, width=5, depth=4, seed=1, restart_every=3)
    np.testing.assert_array_equal(boards.generate(seed=1).tokens, again.tokens)
    assert boards.generate(2, depth=1, restart_every=0).steps.tolist() == [1, 1]
    with pytest.raises(ValueError, match="gram generate"):
        boards.solve("." * 16)
    with pytest.raises(ValueError, match="gram solve sudoku-4"):
        Reasoner(replace(config, task="sudoku-4"), network).generate(1)


def test_samples_of_an_oracle():
    network = fake(FOUR, wrong=0.3)
    samples = generate.draw(network, FOUR, width=40, depth=2)
    assert samples.valid is not None
    right = np.array([(t > 1).all() for t in samples.tokens])  # else it stays with the blank
    np.testing.assert_array_equal(samples.valid, right)
    assert 0.4 < right.mean() < 0.95
    found = metrics(FOUR, samples)
    assert found["samples"] == 40
    assert found["valid"] == right.mean()
    assert found["conflicts"] == 16 * (~right).sum()
    assert found["function_evaluations"] == 80
    assert found["reached"] == len({t.tobytes() for t in samples.good})
    assert found["distinct"] == found["reached"] / right.sum()


@pytest.mark.parametrize("restart_every", [None, 2])
def test_the_evolution_ends_in_the_samples(restart_every):
    network = tiny(FOUR, mixer="groups", unary=True)
    halt = sample(network, FOUR, FOUR.blank[None], width=6, depth=2, seed=3)[0].halt
    options = {"depth": 5, "seed": 3, "halt_threshold": float(np.median(halt)), "restart_every": restart_every}
    frames = generate.evolution(network, FOUR, width=6, **options)
    assert frames.shape == (6, 5, 16)
    samples = generate.draw(network, FOUR, width=6, **options)
    np.testing.assert_array_equal(frames[:, -1], samples.tokens)
    assert len(np.unique(samples.steps)) > 1  # some halted
    for frame, steps in zip(frames, samples.steps, strict=True):
        assert (frame[steps - 1 :] == frame[-1]).all()


def test_evenness_by_hand():
    support = FOUR.support()
    assert support is not None
    even = evenness(support, np.repeat(support, 3, 0))
    assert (even["reached"], even["least"], even["most"], even["chi_square"]) == (288, 3, 3, 0.0)
    assert even["chi_square_p"] > 0.999
    one = evenness(support, np.repeat(support[7:8], 288, 0))
    assert (one["reached"], one["least"], one["most"]) == (1, 0, 288)
    assert one["chi_square"] == pytest.approx(287 * 288)
    assert one["chi_square_p"] < 1e-9
    none = evenness(support, support[:0])
    assert (none["reached"], none["chi_square"]) == (0, None)
    drawn = support[np.random.default_rng(0).integers(288, size=2880)]
    assert 0.01 < evenness(support, drawn)["chi_square_p"] < 0.99


@pytest.mark.parametrize(("statistic", "freedom", "p"), [(18.307, 10, 0.05), (124.342, 100, 0.05), (287, 287, 0.489)])
def test_chi_square_tail(statistic, freedom, p):
    assert chi_square_tail(statistic, freedom) == pytest.approx(p, abs=2e-3)


# pictures -------------------------------------------------------------------------------------------------
def unpacked(data: bytes) -> np.ndarray:
    """The pixels of a gray PNG whose lines have no filter; every chunk's checksum is compared."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + size
    width, height, *kind = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert kind == [8, 0, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def test_png_holds_the_tiles(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    pictures.write(tmp_path / "a.png", images, columns=3)
    sheet = unpacked((tmp_path / "a.png").read_bytes())
    assert sheet.shape == (2 * 6 + 2, 3 * 5 + 2)
    np.testing.assert_array_equal(sheet[2:6, 2:5], images[0])
    np.testing.assert_array_equal(sheet[8:12, 7:10], images[4])
    with pytest.raises(FileExistsError):
        pictures.write(tmp_path / "a.png", images, columns=3)
    for name, kind in (("a.png", FileExistsError), ("b.jpg", ValueError), ("no/b.png", FileNotFoundError)):
        with pytest.raises(kind, match=r"\.$"):
            pictures.check_new(tmp_path / name)


# commands -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("weights") / "boards"
    config = Config(recipe="boards-tiny", task="sudoku-boards-4", model=TINY, solve=SolveConfig(width=6, depth=3))
    weight_files.save(folder, config, Model(FOUR.spec, config.model))
    return str(folder)


def test_generate_json(weights, capsys):
    assert exit_code("generate", "sudoku-boards-4", "--weights", weights, "--n", 5, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5
    for line in lines:
        assert list(line) == ["sample", "valid", "steps", "value"]
        assert len(line["sample"]) == 16
        assert line["steps"] == 3
        tokens = board(line["sample"])
        assert line["valid"] == FOUR.check(FOUR.blank[None], tokens[None])[0]


def test_generate_for_people_and_pictures(weights, tmp_path, capsys):
    png, grown = tmp_path / "boards.png", tmp_path / "grown.png"
    given = ("generate", "sudoku-boards-4", "--weights", weights, "--depth", 2, "--png", png, "--evolution", grown)
    assert exit_code(*given) == 0
    out = capsys.readouterr().out
    for word in ("6 samples", "depth 2", "valid", "distinct", "12 function evaluations", "┌─────┬─────┐  ┌"):
        assert word in out
    assert unpacked(png.read_bytes()).shape == (3 * 39 + 2, 2 * 39 + 2)
    assert unpacked(grown.read_bytes()).shape == (6 * 39 + 2, 2 * 39 + 2)
    assert exit_code(*given) == 2  # nothing is overwritten
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("solve", "sudoku-boards-4", "1" * 16), "gram generate sudoku-boards-4"),
        (("solve", "sudoku-boards"), "gram generate sudoku-boards"),
        (("generate", "queens-8"), "gram solve queens-8"),
        (("generate", "sudoku-boards-4", "--n", 0), "at least 1"),
        (("generate", "sudoku-boards-4", "--png", "boards.gif"), ".png"),
        (("eval", "sudoku-boards-4", "--limit", 3), "leave out"),
        (("eval", "sudoku-boards-4", "--select", "majority"), "leave out"),
    ],
)
def test_refused(arguments, sentence, weights, capsys):
    assert exit_code(*arguments, *(("--weights", weights) if arguments[1].endswith("-4") else ())) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    assert sentence in err


def test_eval_measures_samples(weights, tmp_path, capsys):
    given = ("eval", "sudoku-boards-4", "--weights", weights, "--width", 7, "--seed", 2)
    assert exit_code(*given, "--record", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 7
    assert found["exist"] == 288
    assert found["seen"] is None  # all that there is was trained on
    assert {"valid", "distinct", "conflicts", "chi_square", "halting_step", "seconds"} <= found.keys()
    record = json.loads((tmp_path / "boards-tiny" / "0.json").read_text())
    assert list(record["figures"]) == ["dev width=7 depth=3 seed=2"]


def test_a_bundle_generates(weights, tmp_path, monkeypatch):
    plain = reasoner.load(weights, dtype="float32").generate(6, seed=4)
    for dtype, alike in (("float32", 1.0), ("int8", 0.5)):
        bundled = runtime.load(export(weights, tmp_path / dtype, int8=dtype == "int8")).generate(6, seed=4)
        assert (bundled.tokens == plain.tokens).mean() >= alike
        monkeypatch.setattr("gram.ship.export.write_graphs", graphs_of(tmp_path / "float32"))


def test_seen_counts_valid_samples_of_the_training_files(tmp_path):
    (tmp_path / "a.csv").write_text(f"question,answer\n{'.' * 3}{BOARD[3:]},{BOARD}\n")
    other = board(BOARD.translate(str.maketrans("12", "21")))
    tokens = np.stack([board(), other, board(), NINE.blank])
    valid = np.array([True, True, True, False])
    samples = generate.Samples(tokens, valid, np.ones(4, np.int64), np.zeros(4, np.float32), 1.0, NINE)
    assert seen(NINE, (str(tmp_path / "a.csv"),), samples) == pytest.approx(2 / 3)
    assert seen(NINE, ("not-here.csv",), samples) is None
    assert seen(FOUR, (), samples) is None


# training -------------------------------------------------------------------------------------------------
def test_it_trains_and_its_heads_are_fitted_on_samples(tmp_path, monkeypatch):
    heights = []

    def rollouts(model, task, inputs, options, *until):
        pooled, right = heads_rollouts(model, task, inputs, options, *until)
        heights.append((len(inputs), options.width, len(pooled)))
        return pooled, right

    heads_rollouts = heads.rollouts
    monkeypatch.setattr(heads, "rollouts", rollouts)
    monkeypatch.setattr(heads, "DEV", 2)
    train = TrainConfig(
        updates=6,
        batch=8,
        N_sup=2,
        dtype="float32",
        compile=False,
        augment=True,
        evaluate_examples=5,
        evaluate_every=1e9,
    )
    model = replace(TINY, mixer="groups", mixer_hidden=8, unary=True, pool="mean")
    solve = SolveConfig(width=6, depth=3, restart_every=2)
    config = Config(recipe="boards-tiny", task="sudoku-boards-4", model=model, train=train, solve=solve)
    run = loop.train(config, tmp_path / "run")
    dev = json.loads((run / "training.json").read_text())["dev"]
    assert dev["samples"] == 5
    assert heights == [(1, 8, 8)] * 2  # one blank stands for all puzzles
    assert {"valid", "distinct", "reached", "elbo", "kl_by_step_dev"} <= dev.keys()


@pytest.mark.parametrize("name", ["sudoku-boards", "sudoku-boards-4", "paper-sudoku-boards", "sudoku-boards-4-trm"])
def test_recipes_are_of_tasks_without_puzzles(name):
    config = recipes.recipe(name)
    assert config.recipe == name
    assert isinstance(tasks.task(config.task), Unconditional)
    Model(tasks.task(config.task).spec, config.model)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shipped_digits_are_drawn_in_either_arithmetic(dtype):
    """Guidance over the whole example multiplies in float32, whatever the arithmetic of the recursion."""
    samples = reasoner.load("mnist", dtype=dtype, device="cpu").generate(2, depth=1)
    assert samples.tokens.shape == (2, 784)
    assert set(np.unique(samples.tokens)) <= {1, 2}

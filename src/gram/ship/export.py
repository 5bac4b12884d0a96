"""`gram export`: weights -> a bundle that ship/runtime.py runs without PyTorch.

The graph holds one supervision step: T transitions that share their weights, and the heads. Noise is an input. The loop
over steps, halting, compaction and restarts stay in the sampler.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gram import tasks
from gram import weights as weight_files
from gram.atomic import new_folder, refuse_filled
from gram.config import Config, to_dict
from gram.models.build import parameter_table
from gram.models.core import State
from gram.models.layers import GroupMixer, SwiGLU
from gram.models.recursive import Model
from gram.progress import Snapshot, progress
from gram.ship import web as page
from gram.ship.onnx_backend import CONFIG, ENCODER, FORMAT, MANIFEST, START, STEP, sha256
from gram.solve.backend import StepOutput
from gram.solve.noise import Noise
from gram.solve.options import SamplingOptions
from gram.solve.sampler import rollout
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.base import Task
from gram.weights import write_json

CARD = "README.md"
WEB = """
In a browser: put `ort.wasm.min.mjs`, `ort-wasm-simd-threaded.mjs` and `ort-wasm-simd-threaded.wasm` of the npm package
onnxruntime-web (`npm pack onnxruntime-web`, in `dist`) into a folder `ort` here, run `python -m http.server`, open it.
"""
CALIBRATION = 24
"""Number of puzzles whose rollouts set the int8 ranges of the activations."""


def export(
    weights: str,
    out: Path,
    *,
    int8: bool = False,
    web: bool = False,
    license: str | None = None,
    quiet: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Write shipped weights (by name) or a run folder as a bundle to the new folder `out`, completely or not at all.

    int8 quantizes the products with weights, except those of `delicate`. Weights are quantized per channel to 7 bits,
    so that answers are the same on processors without VNNI. Activations have fixed ranges, measured on rollouts of
    training puzzles, so that an answer does not depend on the other rows. web adds a page for browsers (queens and
    Sudoku). license: of the network, for its card; your own networks have none unless you give it. Neither the bundle
    nor its card contains the path of the data. quiet: no progress. FileExistsError if `out` holds something, ValueError
    without the packages of gram-reasoning[export].
    """
    refuse_filled(out)
    need_packages()
    if (weight_files.find(weights) / MANIFEST).is_file():
        raise ValueError(f"{weights} is a bundle already; copy the folder, or export its original weights.")
    config, model = weight_files.load(weights)
    if not isinstance(model, Model):
        raise ValueError(f"{weights} is of kind {config.model.kind}; only recursive models can be exported.")
    task = tasks.of(config)
    if web:
        page.check(task, config)
    with new_folder(out) as folder, progress("Exporting", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.1, f"{weights} to {out}: writing the graph of a supervision step"))
        try:
            write_graphs(model, folder)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"{weights} cannot be exported ({reason}); answer with the weights themselves.") from None
        if int8:
            bar.at(lambda: Snapshot(0.5, "measuring the int8 ranges"))
            products = quantize(folder / STEP, inputs(model, task, config), delicate(model))
            with bar.aside():
                say(f"{products} matrix products in int8.")
        with torch.no_grad():
            state = model.initial(1, torch.zeros(2, 1, model.rows, config.model.width))
        np.savez_compressed(folder / START, h=state.h.numpy(), l=state.l.numpy())
        if web:
            page.write(folder, task, config, (state.h.numpy(), state.l.numpy()))
        write_json(folder / CONFIG, to_dict(weight_files.public(config)))
        dtype = "int8" if int8 else "float32"
        license = license or weight_files.license_of(weight_files.find(weights))
        (folder / CARD).write_text(card(config, model, dtype, license) + (WEB if web else ""), encoding="utf-8")
        sums = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        write_json(folder / MANIFEST, {"format": FORMAT, "dtype": dtype, "task": config.task, "sha256": sums})
    size = sum(path.stat().st_size for path in out.iterdir())
    say(f"{out}: {size / 1e6:.2f} MB. Needs numpy and onnxruntime: python -m gram.ship.runtime {out} PUZZLE")
    return out


def need_packages() -> None:
    """ValueError without the packages of gram-reasoning[export]."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f"{error.name} is missing; run pip install 'gram-reasoning[export]'.") from None


# the graphs -----------------------------------------------------------------------------------------------
class Encoder(nn.Module):
    """Tokens (B, L) int64, or (B, L * S) with candidates -> e_x (B, M, D)."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.encode(tokens)


class Transition(nn.Module):
    """One supervision step: (h, l, e_x, noise (T, B, M or 1, D)) -> (h, l, logits, halt, value), plus the candidates if
    the model has them."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, h: Tensor, l: Tensor, e_x: Tensor, noise: Tensor) -> tuple[Tensor, ...]:  # noqa: E741
        out = self.model.step(State(h, l), e_x, noise)
        readout = torch.cat([out.readout, out.readout[:1]])  # onnxruntime rounds a product with one row differently
        return (*out.state, *(z[:-1] for z in self.model.decode(readout) if z is not None))


def write_graphs(model: Model, folder: Path) -> None:
    """Write encoder.onnx and step.onnx, for any number of rows."""
    B = 3
    noise, start = (torch.randn(T, B, *one) for T, *one in (model.noise_shape, model.start_shape))
    (h, l), e_x = model.initial(B, start), torch.randn_like(start[0])  # noqa: E741
    tokens = torch.ones(B, model.rows if model.config.candidates else model.spec.length, dtype=torch.int64)
    rows = torch.export.Dim("rows", min=1, max=2**20)
    write_graph(Encoder(model), (tokens,), ({0: rows},), ["tokens"], ["e_x"], folder / ENCODER)
    write_graph(
        Transition(model),
        (h.contiguous(), l.contiguous(), e_x, noise),
        ({0: rows}, {0: rows}, {0: rows}, {1: rows}),
        ["h", "l", "e_x", "noise"],
        ["h_new", "l_new", "logits", "halt", "value", *(["candidates"] if model.config.candidates else [])],
        folder / STEP,
    )


def write_graph(
    module: nn.Module, arguments: tuple, shapes: tuple, inputs: list[str], outputs: list[str], path: Path
) -> None:
    import logging
    import warnings

    import onnx

    from gram.ship.onnx_passes import simplify

    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                arguments,
                str(path),
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=shapes,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        exporter.setLevel(level)
    graph = onnx.load(path)
    for node in graph.graph.node:
        node.name = f"{scope(node)}/{node.name}"
    simplify(graph)
    share_constants(graph)
    onnx.save(graph, path)


def scope(node) -> str:
    """The module of a node in the exporter's graph, such as "core.f_L.0.mlp.down"; "" if unknown."""
    scopes = [each.value for each in node.metadata_props if each.key == "pkg.torch.onnx.name_scopes"]
    inner = ast.literal_eval(scopes[0])[:-1] if scopes else []
    return inner[-1].removeprefix("model.") if inner else ""


def share_constants(model) -> None:
    """Merge equal constants: the exporter makes one for each use of a transposed weight."""
    first: dict[tuple, str] = {}
    renamed: dict[str, str] = {}
    kept = []
    for tensor in model.graph.initializer:
        key = tensor.data_type, tuple(tensor.dims), tensor.raw_data or tensor.SerializeToString()
        renamed[tensor.name] = first.setdefault(key, tensor.name)
        if renamed[tensor.name] == tensor.name:
            kept.append(tensor)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in kept if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.value_info[:]


# int8 -----------------------------------------------------------------------------------------------------
def inputs(model: Model, task: Task, config: Config) -> list[dict[str, np.ndarray]]:
    """Inputs of the step graph from real sampling: training puzzles, steps 1 to 12."""
    puzzles = calibration_puzzles(task, config)
    network: Any = Watched(TorchNetwork(model))
    kept = {name: getattr(config.solve, name) for name in ("temperature", "drop_below", "give_up_below")}
    options = SamplingOptions(width=CALIBRATION // len(puzzles), depth=12, rows=CALIBRATION, **kept)
    for _ in rollout(network, task, puzzles, options):
        pass
    return network.seen


class Watched:
    """A network that records the inputs of its steps as arrays; see gram.solve.backend.Network."""

    def __init__(self, network: TorchNetwork):
        self.network = network
        self.seen: list[dict[str, np.ndarray]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def step(self, state: tuple[Tensor, Tensor], e_x: Tensor, noise: Noise | None, *, temperature: float) -> StepOutput:
        B, (T, *one) = len(e_x if noise is None else noise), self.network.noise_shape
        drawn = np.zeros((T, B, *one), np.float32) if noise is None else noise.draw()
        given = {name: z.expand(B, -1, -1).numpy() for name, z in zip(("h", "l", "e_x"), (*state, e_x), strict=True)}
        self.seen.append({name: np.ascontiguousarray(z) for name, z in (given | {"noise": drawn}).items()})
        return self.network.step(state, e_x, noise, temperature=temperature)


def calibration_puzzles(task: Task, config: Config) -> np.ndarray:
    """Up to CALIBRATION training puzzles, (n, L)."""
    from gram.tasks.data.store import load_examples

    if task.unconditional:
        return task.sampled().blank[None]
    try:
        return load_examples(task, config.data, "train", count=CALIBRATION).inputs
    except FileNotFoundError:  # without the recipe's files: dev puzzles that the task generates
        return task.examples("dev", count=CALIBRATION).inputs


def delicate(model: Model) -> set[str]:
    """The modules that stay in float32: the decoder, and those that read products of two activations (the second
    product of a SwiGLU, the output of a group mixer). These products have rare large values that leave few of the 8
    bits to the others; in int8 they changed more answers than all other modules, without a gain in time unless the
    processor has VNNI (docs/log/speed.md, 2026-11-25)."""
    gated = {module.down for module in model.modules() if isinstance(module, SwiGLU)}
    gated |= {module.out for module in model.modules() if isinstance(module, GroupMixer)}
    return {name for name, module in model.named_modules() if module in gated | {model.decoder}}


def quantize(path: Path, examples: list[dict[str, np.ndarray]], spared: set[str]) -> int:
    """Rewrite the graph with int8 products, except those of the modules `spared`. Returns their number."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, result = path.with_suffix(".prepared"), path.with_suffix(".int8")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    graph = onnx.load(prepared)
    constants = {tensor.name for tensor in graph.graph.initializer}
    products = [n.name for n in graph.graph.node if n.op_type == "MatMul" and n.input[1] in constants]
    products = [name for name in products if name.split("/")[0] not in spared]
    names = {i.name for i in graph.graph.input}

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter(examples)

        def get_next(self):  # pyright: ignore[reportIncompatibleMethodOverride]
            example = next(self.left, None)
            return None if example is None else {k: v for k, v in example.items() if k in names}

    quantize_static(
        str(prepared),
        str(result),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul"],
        nodes_to_quantize=products,
        per_channel=True,
        reduce_range=True,  # 7 bits: without VNNI, the sum of two 8-bit products overflows 16 bits
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul"]},  # sums of products stay in float32
    )
    prepared.unlink()
    result.replace(path)
    return len(products)


def card(config: Config, model: Model, dtype: str, license: str | None) -> str:
    """The model card. license: of the network, which may differ from that of this package."""
    table = parameter_table(model)
    table.pop("posterior")  # not in the bundle
    total = sum(v for k, v in table.items() if k != "total")
    return f"""# {config.recipe}

Task {config.task}, recipe {config.recipe}, seed {config.train.seed}. GRAM (arXiv:2605.19376), {total:,} parameters,
{dtype}, one supervision step per run of step.onnx; prior only, no target is ever an input.

| | |
|---|---|
| width, depth, select | {config.solve.width}, {config.solve.depth}, {config.solve.select} |
| halts above | {config.solve.halt_threshold} |
| restarts every | {config.solve.restart_every} steps |

    python -m gram.ship.runtime FOLDER PUZZLE

needs this package (pip install --no-deps is enough), numpy and onnxruntime.
License of the network: {license or "none given"}.
"""

"""Passes that make exported graphs faster on a CPU; answers stay equal up to rounding (docs/log/export.md, 2026-11-24).
Weights are stored transposed as the products need them, a product that is split becomes several products, softplus is
written in vectorized operations, and the exporter's metadata is removed.
"""

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class Editor:
    """A graph under edit: its constants, and the producer and consumers of each tensor."""

    def __init__(self, model: onnx.ModelProto):
        self.graph = model.graph
        self.constants = {t.name: t for t in self.graph.initializer}
        self.index()

    def index(self) -> None:
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.uses = Counter(name for node in self.graph.node for name in node.input)
        self.uses.update(out.name for out in self.graph.output)

    def array(self, name: str) -> np.ndarray | None:
        """The value of a constant, None for any other tensor."""
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self.constants:
            tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
            self.constants[name] = tensor
            self.graph.initializer.append(tensor)
        return name

    def maker(self, name: str, kind: str) -> Any:
        """The node that produces `name`, if it is of that kind and has a single consumer."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == kind and self.uses[name] == 1 else None

    def replace(self, new: dict[int, list[onnx.NodeProto]]) -> None:
        """Replace the nodes at these indices, then drop nodes without consumers."""
        nodes = [each for i, node in enumerate(self.graph.node) for each in new.get(i, [node])]
        while True:
            read = {name for node in nodes for name in node.input} | {out.name for out in self.graph.output}
            kept = [node for node in nodes if any(name in read for name in node.output)]
            if len(kept) == len(nodes):
                break
            nodes = kept
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        del self.graph.value_info[:]
        self.index()


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def simplify(model: onnx.ModelProto) -> None:
    """Apply all passes, in place."""
    editor = Editor(model)
    fold_transposes(editor)
    while divide_products(editor):
        pass
    write_softplus(editor)
    for place in (model, model.graph, *model.graph.node):
        place.doc_string = ""
        del place.metadata_props[:]


def fold_transposes(editor: Editor) -> None:
    """Replace transposed constants by constants."""
    new: dict[int, list[onnx.NodeProto]] = {}
    for i, node in enumerate(editor.graph.node):
        value = editor.array(node.input[0]) if node.op_type == "Transpose" else None
        if value is not None:
            editor.constant(node.output[0], value.transpose(attribute(node, "perm")))
            new[i] = []
    editor.replace(new)


def divide_products(editor: Editor) -> bool:
    """Replace x @ W with a split along its last axis by one product per part of W, which copies nothing. Returns
    whether any was found."""
    new: dict[int, list[onnx.NodeProto]] = {}
    for i, node in enumerate(editor.graph.node):
        product = editor.maker(node.input[0], "MatMul") if node.op_type == "Split" else None
        weight = editor.array(product.input[1]) if product is not None else None
        if product is None or weight is None or weight.ndim != 2 or attribute(node, "axis") not in (2, -1):
            continue
        sizes = editor.array(node.input[1]) if len(node.input) > 1 else None
        count = len(node.output)
        if sizes is None and weight.shape[1] % count:
            continue
        parts = np.split(weight, count if sizes is None else np.cumsum(sizes)[:-1], 1)
        names = [editor.constant(f"{product.input[1]}.{node.name}.{n}", part) for n, part in enumerate(parts)]
        new[i] = [
            helper.make_node("MatMul", [product.input[0], name], [out], name=f"{node.name}.{n}")
            for n, (name, out) in enumerate(zip(names, node.output, strict=True))
        ]
    editor.replace(new)
    return bool(new)


def write_softplus(editor: Editor) -> None:
    """where(x > 20, x, softplus(x)) -> relu(x) + log(1 + exp(-|x|)): onnxruntime's Softplus takes 12 ns per number."""
    new: dict[int, list[onnx.NodeProto]] = {}
    for i, node in enumerate(editor.graph.node):
        inner = editor.maker(node.input[2], "Softplus") if node.op_type == "Where" else None
        if inner is None or inner.input[0] != node.input[1]:
            continue
        x, y = node.input[1], node.output[0]
        one = editor.constant("softplus.one", np.array(1, np.float32))
        steps = [("Abs", [x]), ("Neg", ["a"]), ("Exp", ["b"]), ("Add", ["c", one]), ("Log", ["d"]), ("Relu", [x])]
        names = {letter: f"{y}.{letter}" for letter in "abcdef"}
        new[i] = [
            helper.make_node(kind, [names.get(n, n) for n in given], [names[out]], name=names[out])
            for (kind, given), out in zip(steps, names, strict=True)
        ]
        new[i].append(helper.make_node("Add", [names["e"], names["f"]], [y], name=f"{y}.sum"))
    editor.replace(new)

# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile ONNX files for `fuzz_loader.py`: seeded changes of real and generated models.

Changes are made to bytes, as broken disks and transfers make them, and to the fields of the parsed file: numbers,
names, types, shapes, attributes, nodes; and models are given parts that a malicious author would write: giant shapes,
functions that multiply, paths that leave the folder.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NUMBERS = (0, 1, -1, 2, 3, 7, 255, 1 << 15, (1 << 31) - 1, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -1.0, 1e-45, 1e38, float("inf"), float("-inf"), float("nan"), 0.5, 255.0)
SIZES = (1 << 16, 1 << 20, 1 << 31, 1 << 40, (1 << 62) - 1)
PATHS = (
    "../secret.bin",
    "/etc/passwd",
    "link.bin",
    "loop.bin",
    "pipe.bin",
    "",
    ".",
    "data.bin",
    "deep/../../secret.bin",
)
OPERATORS = tuple(sorted({schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}))

Change = Callable[[random.Random, onnx.ModelProto], None]


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return a changed file.

    Parameters
    ----------
    data, other
        The file, and another one of which parts may be spliced in.
    """
    if rng.random() < 0.25:
        return _bytes_changed(data, other, rng)
    model = onnx.load_model_from_string(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        try:
            rng.choice(CHANGES)(rng, model)
        except Exception:
            continue
    changed = model.SerializeToString()
    return _bytes_changed(changed, other, rng) if rng.random() < 0.1 else changed


def _bytes_changed(data: bytes, other: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 20))):
        if not changed:
            break
        start = rng.randrange(len(changed))
        end = min(len(changed), start + rng.choice((1, 2, 8, 100)))
        kind = rng.randrange(6)
        if kind == 0:
            changed[start] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[start:end] = bytes(rng.choice((0, 1, 127, 128, 255)) for _ in range(end - start))
        elif kind == 2:
            del changed[start:end]
        elif kind == 3:
            changed[start:start] = changed[start:end]
        elif kind == 4:
            place = rng.randrange(len(other))
            changed[start:end] = other[place : place + end - start]
        else:
            del changed[start:]
    return bytes(changed)


def _messages(message: Any, depth: int = 0) -> Iterator[Any]:
    """Yield a message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and depth < 12:
            for part in value if field.is_repeated else [value]:
                yield from _messages(part, depth + 1)


def change_a_field(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change any field of any message."""
    message = rng.choice(list(_messages(model)))
    field = rng.choice(message.DESCRIPTOR.fields)
    if field.is_repeated:
        _change_a_list(rng, getattr(message, field.name), field, model)
    elif field.type == field.TYPE_MESSAGE:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _scalar(rng, field, model))


def _change_a_list(rng: random.Random, items: Any, field: Any, model: onnx.ModelProto) -> None:
    kind = rng.randrange(4)
    if kind == 0 and items:
        del items[rng.randrange(len(items))]
    elif field.type == field.TYPE_MESSAGE:
        if items:
            items.add().CopyFrom(rng.choice(items))
    elif kind == 1 or not items:
        items.append(_scalar(rng, field, model))
    elif kind == 2:
        items[rng.randrange(len(items))] = _scalar(rng, field, model)
    else:
        items.append(rng.choice(items))


def _scalar(rng: random.Random, field: Any, model: onnx.ModelProto) -> Any:
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return rng.choice(FLOATS)
    if field.type == field.TYPE_STRING:
        return _text(rng, model)
    if field.type == field.TYPE_BYTES:
        return rng.choice((b"", b"\xff" * rng.choice((1, 3, 4, 1000)), b"\x00\x00\x80\x7f", b"NOTSET", b"nearest"))
    if field.type == field.TYPE_ENUM:
        return rng.randrange(0, 27)
    number = rng.choice((*NUMBERS, rng.randrange(-8, 30)))
    return number % (1 << 31) if field.cpp_type == field.CPPTYPE_INT32 else number


def _text(rng: random.Random, model: onnx.ModelProto) -> str:
    names = _names(model)
    others = ("", "x" * 5000, "a\nb", "\N{SNOWMAN}", "../..", "qonnx.custom_op.general", "ai.onnx.ml", "com.microsoft")
    return rng.choice((rng.choice(names) if names else "", rng.choice(OPERATORS), rng.choice(others)))


def _names(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    return [*names, *(item.name for item in (*graph.input, *graph.initializer))]


def rewire(rng: random.Random, model: onnx.ModelProto) -> None:
    """Give a node another input or output: dangling, cyclic, of another type, missing or too many."""
    node = rng.choice(model.graph.node)
    ends = rng.choice((node.input, node.output))
    name = rng.choice((*_names(model), "nowhere", ""))
    if ends and rng.random() < 0.7:
        ends[rng.randrange(len(ends))] = name
    else:
        ends.append(name)


def other_operator(rng: random.Random, model: onnx.ModelProto) -> None:
    """Let a node be another operator with the same ends and attributes."""
    rng.choice(model.graph.node).op_type = rng.choice((*OPERATORS, "Quant", "BipolarQuant", "Trunc"))


def attribute(rng: random.Random, model: onnx.ModelProto) -> None:
    """Set an attribute that the node's operator knows to a value of the right or another type."""
    node = rng.choice(model.graph.node)
    known = list(onnx.defs.get_schema(node.op_type).attributes) if onnx.defs.has(node.op_type) else []
    name = rng.choice((*known, *(a.name for a in node.attribute), "axis"))
    for index in reversed(range(len(node.attribute))):
        if node.attribute[index].name == name:
            del node.attribute[index]
    node.attribute.append(helper.make_attribute(name, _attribute_value(rng)))


def _attribute_value(rng: random.Random) -> Any:
    numbers = [rng.choice((*NUMBERS, *range(-5, 6))) for _ in range(rng.choice((1, 2, 4, 4, 9)))]
    numbers = [number % (1 << 63) if number >= 0 else number for number in numbers]
    floats = [rng.choice(FLOATS) for _ in range(3)]
    text = rng.choice(("NOTSET", "SAME_UPPER", "VALID", "nearest", "cubic", "reflect", "ROUND", "DCR", "", "i,ij->"))
    values = (numbers[0], numbers, floats[0], floats, text, [text], numpy_helper.from_array(np.zeros((2, 2))))
    return rng.choice(values)


def shape(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change the shape or type of a model input or output or a stale one between."""
    graph = model.graph
    tensor = rng.choice([*graph.input, *graph.output, *graph.value_info]).type.tensor_type
    if rng.random() < 0.2:
        tensor.elem_type = rng.randrange(0, 27)
    elif tensor.shape.dim and rng.random() < 0.8:
        dim = rng.choice(tensor.shape.dim)
        dim.dim_value = rng.choice((*NUMBERS[:7], *SIZES, rng.randrange(1, 40)))
    else:
        tensor.shape.dim.add().dim_value = rng.randrange(0, 4)


def tensor(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change the dims, type or data of an initialiser."""
    item = rng.choice(model.graph.initializer)
    kind = rng.randrange(4)
    if kind == 0 and item.dims:
        item.dims[rng.randrange(len(item.dims))] = rng.choice((*NUMBERS, *SIZES))
    elif kind == 1:
        item.dims.append(rng.choice((0, 1, 2, *SIZES)))
    elif kind == 2:
        item.data_type = rng.randrange(0, 27)
    else:
        values = numpy_helper.to_array(item)
        replaced = np.asarray([rng.choice((*NUMBERS[:9], -3)) for _ in range(values.size)][: 1 << 12], np.float64)
        if replaced.size == values.size:
            item.CopyFrom(numpy_helper.from_array(replaced.reshape(values.shape).astype(values.dtype), item.name))


def external(rng: random.Random, model: onnx.ModelProto) -> None:
    """Let a tensor's data lie in another file, inside or outside the folder."""
    item = rng.choice([part for part in _messages(model) if isinstance(part, TensorProto)])
    item.ClearField("raw_data")
    item.data_location = TensorProto.EXTERNAL
    entries = {"location": rng.choice(PATHS), "offset": rng.choice(NUMBERS), "length": rng.choice(NUMBERS)}
    for key in rng.sample(list(entries), rng.randrange(1, 4)):
        item.external_data.add(key=key, value=str(entries[key]))


def bomb(rng: random.Random, model: onnx.ModelProto) -> None:
    """Compute a giant constant from small ones and read it."""
    graph = model.graph
    many = [rng.choice(SIZES) for _ in range(rng.randrange(1, 4))]
    small = numpy_helper.from_array(np.ones((1,) * len(many), np.float32), "bomb_x")
    sizes = numpy_helper.from_array(np.asarray(many, np.int64), "bomb_n")
    first = numpy_helper.from_array(np.asarray(many[0], np.int64), "bomb_first")
    zero, one = (numpy_helper.from_array(np.asarray(value, np.int64), f"bomb_{value}") for value in (0, 1))
    graph.initializer.extend([small, sizes, first, zero, one])
    kinds: Sequence[tuple[str, list[str]]] = (
        ("ConstantOfShape", ["bomb_n"]),
        ("Expand", ["bomb_x", "bomb_n"]),
        ("Tile", ["bomb_x", "bomb_n"]),
        ("Range", ["bomb_0", "bomb_first", "bomb_1"]),
        ("Resize", ["bomb_x", "", "", "bomb_n"]),
        ("Pad", ["bomb_x", "bomb_pads"]),
        ("OneHot", ["bomb_n", "bomb_first", "bomb_ends"]),
    )
    graph.initializer.append(numpy_helper.from_array(np.asarray(many * 2, np.int64), "bomb_pads"))
    graph.initializer.append(numpy_helper.from_array(np.asarray([0, 1], np.float32), "bomb_ends"))
    op, inputs = rng.choice(kinds)
    graph.node.insert(0, helper.make_node(op, inputs, ["bomb_y"]))
    graph.node.insert(
        1, helper.make_node(rng.choice(("ReduceMax", "Shape", "Identity", "Neg")), ["bomb_y"], ["bomb_z"])
    )
    _read(rng, model, "bomb_z")


def _read(rng: random.Random, model: onnx.ModelProto, name: str) -> None:
    node = rng.choice(model.graph.node[2:])
    node.input[rng.randrange(len(node.input))] = name


def functions(rng: random.Random, model: onnx.ModelProto) -> None:
    """Add functions that call each other: twice each, so that their number doubles, or in a circle."""
    depth, circle = rng.choice((2, 5, 40)), rng.random() < 0.3
    imports = [helper.make_opsetid("", model.opset_import[0].version), helper.make_opsetid("boom", 1)]
    for level in range(depth):
        inner, domain = (f"f{level + 1}", "boom") if level + 1 < depth else (("f0", "boom") if circle else ("Relu", ""))
        body = [
            helper.make_node(inner, ["x"], ["t"], domain=domain),
            helper.make_node(inner, ["t"], ["y"], domain=domain),
        ]
        model.functions.append(helper.make_function("boom", f"f{level}", ["x"], ["y"], body, imports))
    model.opset_import.append(helper.make_opsetid("boom", 1))
    node = rng.choice(model.graph.node)
    node.op_type, node.domain = "f0", "boom"


def subgraphs(rng: random.Random, model: onnx.ModelProto) -> None:
    """Nest graphs in an attribute, deep or shallow."""
    inner = onnx.GraphProto(name="g")
    inner.CopyFrom(model.graph if len(model.graph.node) < 5 else inner)
    for _ in range(rng.choice((1, 3, 20))):
        outer = onnx.GraphProto(name="g")
        outer.node.append(helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=onnx.GraphProto()))
        inner = outer
    rng.choice(model.graph.node).attribute.append(helper.make_attribute("body", inner))


def opset(rng: random.Random, model: onnx.ModelProto) -> None:
    """State another version of the operators."""
    rng.choice(model.opset_import).version = rng.choice((*range(1, 27), 0, -1, 1 << 40))


CHANGES: Sequence[Change] = (
    *(change_a_field,) * 6,
    *(attribute,) * 4,
    *(rewire,) * 3,
    *(tensor,) * 3,
    *(shape,) * 2,
    *(other_operator,) * 2,
    *(bomb, external, functions, subgraphs, opset),
)

# SPDX-License-Identifier: Apache-2.0
"""Seeded random programs of the compiler's subset, legal by construction."""

from __future__ import annotations

from . import memories, products, shapes, streams
from .model import Expr, Program, Stmt, clean, leaves, walk
from .statements import Statements

LOOPS = ("up", "up", "up", "unsigned", "le", "down", "narrow", "while", "do", "break", "endless")
PARTS = ((memories.memory, 0.45), (products.dot, 0.15), (products.bound, 0.15), (memories.memory, 0.1))
"""What a body may begin with, and how likely."""


def generate(seed: int) -> Program:
    """Return the program of a seed."""
    g = Statements(seed)
    made = shapes.ring(g, f"p{seed}") if g.rng.random() < 0.09 else _loop(g, f"p{seed}")
    clean(made)
    for d in made.decls:  # a table that is only read at constant places is none
        if d.const and not any(chosen(e, d.name) for s in made.statements() for e in s.expressions()):
            d.pragma = ""
    return made


def _loop(g: Statements, name: str) -> Program:
    """Return a loop that reads its inputs and writes its outputs, with what stands around it."""
    rng = g.rng
    inputs = [streams.any_stream(g, f"in{n}", streams.mode(g)) for n in range(rng.choice([1, 1, 2, 2, 3]))]
    outputs = [streams.any_stream(g, f"out{n}") for n in range(rng.choice([1, 1, 2, 3]))]
    inputs[0].mode = ("always",) if rng.random() < 0.6 else inputs[0].mode
    g.variables()
    memories.tables(g)
    memories.registers(g)
    loop = rng.choice(LOOPS)
    if loop == "endless":  # something must end the simulation
        inputs[0].mode = ("always",)
    body: list[Stmt] = []
    made = Program(name, g.trip, loop, inputs, outputs, g.decls, body, ii=shapes.interval(g))
    shapes.prologue(g, made)
    for stream in inputs:
        if stream.mode[0] != "frame":
            body += [s for _ in range(rng.choice([0, 0, 1])) for s in g.statement(1)]
            body += streams.take(g, stream)
    held = outputs[-1:] if rng.random() < 0.2 and len(outputs) > 1 else []
    if held and rng.random() < 0.6:
        body += streams.write(g, held[0])
    for part, chance in PARTS:
        body += part(g) if rng.random() < chance else []
    for _ in range(rng.randint(2, 10)):
        body += g.statement(0)
    for stream in outputs[: len(outputs) - len(held)]:
        body += streams.write(g, stream)
    body += [g.assign() for _ in range(rng.randrange(2)) if g.assignable]
    written = {s.name for s in walk(body) if s.kind == "write"}
    for stream in held:
        if stream.name not in written:
            shapes.epilogue(g, made, stream)
    if inputs[0].mode[0] == "always":
        shapes.ends(g, made)
    return made


def chosen(e: Expr, table: str) -> bool:
    """Tell whether an expression reads a table at a place that the words choose."""
    return any(x.op == "elem" and x.attr == table and x.args[0].op not in ("const", "var") for x in leaves(e))

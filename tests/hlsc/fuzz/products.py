# SPDX-License-Identifier: Apache-2.0
"""Random sums of products: constant weights, and multiplications bound to multiplier blocks or to fabric."""

from __future__ import annotations

from .expressions import Expressions
from .model import INT, Decl, Expr, Stmt, Type, cast, const


def lanes_word(g: Expressions, bits: int, fresh: bool = False) -> Expr:
    """Return something `bits` wide whose lanes differ: words that were read, one after the other."""
    known = [e for e in g.scope if not e.type.native]
    if fresh:  # a state's recurrence has no time for a multiplier block
        held = {d.name for d in g.decls}
        known = [e for e in known if str(e.attr)[0] == "x" and str(e.attr).split(".")[0] not in held]
    known = known or [const(5, Type(9, False))]
    found = [g.rng.choice(known)]
    while sum(e.type.width for e in found) < bits:
        found.append(g.rng.choice(known))
    whole = found[0]
    for e in found[1:]:
        whole = Expr("concat", Type(whole.type.width + e.type.width, False), (whole, e))
    return cast(Type(bits, False), whole)


def _lane(word: Expr, kind: Type, k: str) -> Expr:
    found = Expr("lane", Type(kind.width, False), (word,), k)
    return cast(kind, found) if kind.signed else found


def dot(g: Expressions) -> list[Stmt]:
    """Sums of constant multiples of the lanes of one word."""
    rng = g.rng
    terms, sums = rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 24, 32, 33, 64]), rng.choice([1, 1, 2, 3])
    kind = Type(rng.choice([1, 1, 2, 3, 4, 4, 5, 8]), rng.random() < 0.5)
    weight = Type(rng.choice([1, 2, 3, 4, 4, 6, 8]), rng.random() < 0.7)
    top = (1 << weight.width) - 1
    choices = rng.choice([[0, 1, top], list(range(min(top, 255) + 1)), [rng.randint(0, top) for _ in range(3)]])
    table = Decl(g.fresh("rom"), weight, (sums, terms), [], const=True)
    table.init = [const(rng.choice(choices), weight).attr for _ in range(sums * terms)]
    g.decls.append(table)
    word = Expr("var", Type(terms * kind.width, False), (), g.fresh("t"))
    body = [Stmt("let", word.attr, word.type, value=lanes_word(g, word.type.width))]
    for row in range(sums):
        k, total = g.fresh("k"), Expr("var", g.any_type(40), (), g.fresh("t"))
        start = rng.choice([const(0, total.type), const(g.pattern(total.type), total.type), g.atom()])
        body.append(Stmt("let", total.attr, total.type, value=start))
        w = Expr("elem", weight, (const(row, INT), Expr("var", INT, (), k)), table.name)
        factors = (w, _lane(word, kind, k))
        product = Expr("bin", Type(weight.width + kind.width, True), factors[:: rng.choice([1, -1])], "*")
        inner = [Stmt("set", total.attr, op=rng.choice(["+=", "+=", "+=", "-="]), value=product)]
        body.append(Stmt("unroll", k, count=terms, op="up", bodies=[inner]))
        g.scope.append(total)
    return body


def bound(g: Expressions) -> list[Stmt]:
    """Products of narrow lanes with a shared factor or with each other, bound to an implementation."""
    rng, terms = g.rng, g.rng.choice([1, 2, 2, 3, 4, 4, 6, 8])
    kind = Type(rng.choice([2, 3, 4, 4, 6, 8, 8, 9, 12, 18, 25]), rng.random() < 0.5)
    other = Type(rng.choice([1, 2, 3, 4, 4, 6, 8, 8, 11, 17]), rng.random() < 0.5)
    first = Expr("var", Type(terms * kind.width, False), (), g.fresh("t"))
    shared = rng.random() < 0.5
    second = Expr("var", Type(other.width * (1 if shared else terms), False), (), g.fresh("t"))
    body = [Stmt("let", w.attr, w.type, value=lanes_word(g, w.type.width, True)) for w in (first, second)]
    k, product, sums = g.fresh("k"), g.fresh("t"), rng.choice([1, 2])
    totals = [Expr("var", g.any_type(48), (), g.fresh("t")) for _ in range(sums)]
    body += [Stmt("let", e.attr, e.type, value=const(g.pattern(e.type), e.type)) for e in totals]
    b = cast(other, Expr("var", second.type, (), second.attr)) if shared else _lane(second, other, k)
    exact = Type(kind.width + other.width + 1, True)
    value = Expr("bin", exact, (_lane(first, kind, k), b), "*")
    impl, latency = rng.choice([("dsp", n) for n in ("", "", "0", "1", "2", "3", "4")] + [("fabric", "")] * 3)
    pragma = f"BIND_OP variable = {product} op = mul impl = {impl}" + (f" latency = {latency}" if latency else "")
    kept = exact if rng.random() < 0.8 else Type(rng.randint(1, exact.width), rng.random() < 0.5)
    p = Expr("var", kept, (), product)
    inner = [Stmt("let", product, kept, value=value, attr=pragma)]
    inner += [Stmt("set", e.attr, op=rng.choice(["+=", "+=", "-=", "^="]), value=p) for e in totals]
    g.scope += totals
    return [*body, Stmt("unroll", k, count=terms, op="up", bodies=[inner])]

# SPDX-License-Identifier: Apache-2.0
"""Simplification rules of wire opcodes: after them an `extract` is taken from a register, memory or operator only."""

from __future__ import annotations

from hwgen.hlsc.back.build import Args, Builder, Rule
from hwgen.hlsc.back.fold import ones

Attr = int | str | None


def trunc(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A truncation is the extraction of the low bits."""
    return b.extract(args[0], 0, width)


def _extract_concat(b: Builder, parts: Args, low: int, width: int) -> int:
    chosen: list[int] = []
    offset = 0
    for part in reversed(parts):
        own = b.width(part)
        first, last = max(low, offset), min(low + width, offset + own)
        if first < last:
            chosen.append(b.extract(part, first - offset, last - first))
        offset += own
        if offset >= low + width:
            break
    return b.concat(chosen[::-1])


def _extract_extended(b: Builder, source: int, low: int, width: int) -> int:
    found = b.values[source]
    inner = found.args[0]
    own = b.width(inner)
    signed = found.opcode == "sext"
    if low >= own:
        return b.op("sext", width, (b.extract(inner, own - 1, 1),)) if signed else b.const(width, 0)
    return b.resize(b.extract(inner, low, min(width, own - low)), width, signed)


def _extract_logic(b: Builder, source: int, low: int, width: int) -> int | None:
    """Look through a bitwise operator or select when an operand is only wires, so that words come apart."""
    found = b.values[source]
    data = found.args[1:] if found.opcode == "select" else found.args
    if not any(b.opcode(a) in ("const", "concat", "zext", "sext") for a in data):
        return None
    parts = [b.extract(a, low, width) for a in data]
    return b.op(found.opcode, width, (*found.args[:1], *parts) if found.opcode == "select" else parts)


def extract(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Take bits from where they come from."""
    assert isinstance(attr, int)
    source = args[0]
    found = b.values[source]
    if width == found.width:
        return source
    zero, one = b.bits[source]
    if (zero | one) >> attr & ones(width) == ones(width):
        return b.const(width, one >> attr)
    if found.opcode == "extract":
        assert isinstance(found.attr, int)
        return b.extract(found.args[0], found.attr + attr, width)
    if found.opcode == "concat":
        return _extract_concat(b, found.args, attr, width)
    if found.opcode in ("zext", "sext"):
        return _extract_extended(b, source, attr, width)
    if found.opcode in ("and", "or", "xor", "select"):
        return _extract_logic(b, source, attr, width)
    return None


def zext(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Merge zero extensions."""
    source = args[0]
    if b.width(source) == width:
        return source
    if b.opcode(source) == "zext":
        return b.op("zext", width, b.args(source))
    return None


def sext(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Merge sign extensions; a sign bit that is always 0 makes it a zero extension."""
    source = args[0]
    own = b.width(source)
    if own == width:
        return source
    if b.bits[source][0] >> (own - 1) & 1:
        return b.op("zext", width, args)
    if b.opcode(source) == "sext":
        return b.op("sext", width, b.args(source))
    return None


def _origin(b: Builder, part: int) -> tuple[int, int]:
    """Return (value, lowest bit) that a part is a slice of."""
    found = b.values[part]
    if found.opcode == "extract":
        assert isinstance(found.attr, int)
        return found.args[0], found.attr
    return part, 0


def _join(b: Builder, high: int, low: int) -> int | None:
    """Return one value that equals {high, low}, if there is a shorter one."""
    a, c = b.constant(high), b.constant(low)
    width = b.width(high) + b.width(low)
    if a is not None and c is not None:
        return b.const(width, a << b.width(low) | c)
    if a is not None or c is not None:
        return None
    source, first = _origin(b, low)
    above, start = _origin(b, high)
    if source == above and start == first + b.width(low) and first + width <= b.width(source):
        return b.extract(source, first, width)
    return None


def _flatten(b: Builder, parts: Args) -> list[int]:
    flat: list[int] = []
    for part in parts:
        found = b.values[part]
        if found.opcode == "concat":
            flat.extend(found.args)
        elif found.opcode == "zext":
            inner = found.args[0]
            flat.append(b.const(found.width - b.width(inner), 0))
            flat.extend(b.args(inner) if b.opcode(inner) == "concat" else (inner,))
        else:
            flat.append(part)
    return flat


def _sign_copy(b: Builder, high: int, low: int) -> bool:
    """Tell whether `high` is nothing but copies of the top bit of `low`."""
    bit = b.args(high)[0] if b.opcode(high) == "sext" else high
    if b.width(bit) != 1:
        return False
    source, first = _origin(b, low)
    return _origin(b, bit) == (source, first + b.width(low) - 1) and b.opcode(source) != "const"


def concat(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Flatten, join adjacent constants and slices, and find extensions."""
    parts: list[int] = []
    for part in _flatten(b, args):
        joined = _join(b, parts[-1], part) if parts else None
        if joined is None:
            parts.append(part)
        else:
            parts[-1] = joined
    if len(parts) == 1:
        return parts[0]
    if b.constant(parts[0]) == 0:
        return b.op("zext", width, (b.concat(parts[1:]),))
    if len(parts) == 2 and _sign_copy(b, parts[0], parts[1]):
        return b.op("sext", width, parts[1:])
    return b.intern("concat", width, tuple(parts), None) if tuple(parts) != args else None


def disjoint(b: Builder, width: int, left: int, right: int) -> int | None:
    """Return the concatenation that equals left | right (and left + right) when no bit can be 1 in both."""
    a, c = ~b.bits[left][0] & ones(width), ~b.bits[right][0] & ones(width)
    if a & c:
        return None
    edges = ((a ^ a << 1) | (c ^ c << 1)) & ones(width)
    starts = [0]
    edges &= ~1
    while edges:
        bit = edges & -edges
        starts.append(bit.bit_length() - 1)
        edges ^= bit
    parts: list[int] = []
    for start, end in zip(starts, [*starts[1:], width], strict=True):
        owner = left if a >> start & 1 else right if c >> start & 1 else None
        parts.append(b.const(end - start, 0) if owner is None else b.extract(owner, start, end - start))
    return b.concat(parts[::-1])


def masked(b: Builder, value: int, mask: int, fill: int) -> int:
    """Return `value` where `mask` is 1 and the constant bit `fill` elsewhere, as wires."""
    width = b.width(value)
    edges = (mask ^ mask << 1) & ones(width) & ~1
    parts: list[int] = []
    start = 0
    while start < width:
        bit = edges & -edges
        end = bit.bit_length() - 1 if bit else width
        edges ^= bit
        keep = mask >> start & 1
        parts.append(b.extract(value, start, end - start) if keep else b.const(end - start, -fill))
        start = end
    return b.concat(parts[::-1])


RULES: dict[str, Rule] = {"trunc": trunc, "extract": extract, "zext": zext, "sext": sext, "concat": concat}

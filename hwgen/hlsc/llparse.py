# SPDX-License-Identifier: Apache-2.0
"""Reads the text of an optimised LLVM module into typed instructions (llvmlite's own view is far too slow)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hwgen.hlsc.lltypes import Int, Other, Ptr, Type, TypeReader


@dataclass(frozen=True)
class Expression:
    """A constant expression kept as text; `opcode` is its first word."""

    opcode: str
    text: str


Operand = str | int | None | Expression
"""`%local` or `@global` by name, an integer constant, None for undef and poison, or a constant expression."""


@dataclass(frozen=True, slots=True)
class Inst:
    """One instruction.

    `detail` holds what the opcode needs beyond operands: the predicate of `icmp`, the callee of `call`, the source
    type of `getelementptr`, the blocks of `phi`, `br` and `switch`, "volatile" for memory accesses, the number of the
    directive that binds a `mul`.
    """

    opcode: str
    name: str
    type: Type
    operands: tuple[Operand, ...]
    types: tuple[Type, ...] = ()
    detail: tuple[str, ...] = ()
    debug: int = -1
    loop: int = -1
    """Metadata of the loop that a `br` closes."""
    flags: tuple[str, ...] = ()
    """Of an operator: what it never does, such as "nuw"."""


@dataclass
class Block:
    """A basic block; the last instruction is its terminator."""

    name: str
    insts: list[Inst] = field(default_factory=list)

    @property
    def end(self) -> Inst:
        """The terminator."""
        return self.insts[-1]


@dataclass(frozen=True)
class Function:
    """A function definition."""

    name: str
    params: tuple[tuple[str, Type], ...]
    blocks: tuple[Block, ...]
    debug: int


@dataclass(frozen=True)
class Global:
    """A global variable; `initial` is the text of its initialiser, "" for a declaration."""

    name: str
    constant: bool
    type: Type
    initial: str = field(repr=False)


BOUND = "@hwgen.bind."
"""Beginning of the callees that stand for bound multiplications, before the number of their directive."""

_ID = r'(?:[%@](?:"[^"]*"|[\w.$-]+))'
_VALUE = re.compile(rf"{_ID}|-?\d+|true|false|undef|poison|null|zeroinitializer|none")
_RESULT = re.compile(rf"\s*(?:({_ID}) = )?(?:(?:musttail|tail|notail) )?(\w+)(?: (.*))?$")
_DEBUG = re.compile(r", !dbg !(\d+)")
_LOOP = re.compile(r", !llvm\.loop !(\d+)")
_FLAGS = re.compile(r"(?:(?:nuw|nsw|exact|disjoint|nneg|samesign|inbounds|nusw|inrange\([^)]*\)) )+")
_PHI = re.compile(rf"\[ ({_ID}|[^\s,\]]+|[^\]]*?\)), ({_ID}) \]")
_LABEL = re.compile(rf"label ({_ID})")
_CASE = re.compile(rf"i\d+ (-?\d+|true|false), label ({_ID})")
_CALLEE = re.compile(rf"({_ID})\(")
_PARAM_ATTRS = re.compile(
    r"(?:\b(?:noundef|nonnull|signext|zeroext|inreg|nocapture|readonly|writeonly|noalias|immarg|returned)\b"
    r"|\b(?:align|dereferenceable|dereferenceable_or_null) ?\(?\d+\)?|\bcaptures\([^)]*\)|\bwritable\b"
    r"|\brange\([^)]*\)|\bdead_on_return\b|\bdead_on_unwind\b) ?"
)
_BINARY = frozenset(["add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "shl", "lshr", "ashr", "and", "or", "xor"])
_CASTS = frozenset(["trunc", "zext", "sext", "bitcast", "ptrtoint", "inttoptr", "ptrtoaddr"])


def integer(text: str) -> int:
    """Return a decimal integer of any length."""
    if len(text) < 4000:
        return int(text)
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text)
    head, tail = digits[: len(digits) // 2], digits[len(digits) // 2 :]
    scale: int = 10 ** len(tail)
    return sign * (integer(head) * scale + integer(tail))


def operand(text: str) -> tuple[Operand, str]:
    """Return the operand at the beginning of `text`, and what follows it."""
    text = text.lstrip()
    match = _VALUE.match(text)
    if match is None or text[match.end() : match.end() + 1] == "(":
        return _expression(text)
    word, rest = match.group(), text[match.end() :]
    if word[0] in "%@":
        return word, rest
    if word[0] in "-0123456789":
        return integer(word), rest
    return {"true": 1, "false": 0, "null": 0, "zeroinitializer": 0}.get(word), rest


def _expression(text: str) -> tuple[Operand, str]:
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and (letter == ")" or (letter in ",]" and "(" not in text[:index])):
            end = index + (letter == ")")
            return Expression(text.split("(")[0].split()[0], text[:end]), text[end:]
    return Expression(text.split()[0] if text.split() else "", text), ""


class Module:
    """A parsed module: types, globals, metadata lines and one function.

    Parameters
    ----------
    text
        Textual IR.
    """

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        named, self.metadata = {}, {}
        self._globals: dict[str, str] = {}
        self._defines: dict[str, int] = {}
        for number, line in enumerate(self.lines):
            first = line[:1]
            if first == "!" and line[1:2].isdigit():
                key, _, value = line.partition(" = ")
                self.metadata[int(key[1:])] = value
            elif first == "%" and " = type " in line:
                key, _, value = line.partition(" = type ")
                named[key] = value
            elif first == "@":
                key, _, value = line.partition(" = ")
                self._globals[key] = value
            elif line.startswith("define "):
                match = _CALLEE.search(line)
                assert match is not None
                self._defines[match[1]] = number
        self.types = TypeReader(named)
        self._read: dict[str, Global] = {}

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that are defined, without the leading @."""
        return tuple(name[1:].strip('"') for name in self._defines)

    def variable(self, name: str) -> Global:
        """Return the global variable `name` (with its leading @)."""
        if name not in self._read:
            match = re.search(r"\b(constant|global) ", self._globals[name])
            assert match is not None, f"{name} is no variable"
            kind, rest = self.types.read(self._globals[name][match.end() :])
            self._read[name] = Global(name, match[1] == "constant", kind, rest.lstrip())
        return self._read[name]

    def function(self, name: str) -> Function:
        """Return the definition of function `name` (without @)."""
        start = self._defines.get(f"@{name}", self._defines.get(f'@"{name}"', -1))
        assert start >= 0, f"{name} is not defined"
        head = self.lines[start]
        match = _CALLEE.search(head)
        assert match is not None
        params = []
        for part in _split(head[match.end() : _closing(head, match.end())]):
            kind, rest = self.types.read(part)
            params.append((re.findall(_ID, rest)[-1], kind))
        debug = re.search(r" !dbg !(\d+)", head)
        return Function(name, tuple(params), tuple(self._body(start + 1)), int(debug[1]) if debug else -1)

    def _body(self, at: int) -> list[Block]:
        blocks = [Block("%entry")]
        lines = self.lines
        first = True
        while lines[at] != "}":
            line = lines[at]
            at += 1
            if not line or line.lstrip().startswith((";", "#dbg_")):
                continue
            if line[0] not in " \t":
                label = line.split(":")[0] if line[0] != '"' else line[: line.index('"', 1) + 1]
                if first:
                    blocks = []
                blocks.append(Block(f"%{label}"))
            else:
                if line.rstrip().endswith("["):
                    while not lines[at].strip().startswith("]"):
                        line += " " + lines[at].strip()
                        at += 1
                    line += " " + lines[at].strip()
                    at += 1
                blocks[-1].insts.append(self._inst(line))
            first = False
        return blocks

    def _inst(self, line: str) -> Inst:
        debug = _DEBUG.search(line)
        number = int(debug[1]) if debug else -1
        cut = line.find(", !")
        match = _RESULT.match(line[:cut] if cut >= 0 else line)
        assert match is not None, line
        name, opcode, rest = match[1] or "", match[2], match[3] or ""
        if opcode in _BINARY:
            flags = _FLAGS.match(rest)
            kind, rest = self.types.read(rest[flags.end() :] if flags else rest)
            left, rest = operand(rest)
            right, _ = operand(rest[1:])
            never = tuple(flags[0].split()) if flags else ()
            return Inst(opcode, name, kind, (left, right), (), (), number, flags=never)
        reader = getattr(self, f"_{'cast' if opcode in _CASTS else opcode}", None)
        if reader is None:
            return Inst("unsupported", name, Other("void"), (), (), (opcode, rest), number)
        inst: Inst = reader(opcode, name, rest, number)
        loop = _LOOP.search(line) if opcode == "br" else None
        return replace(inst, loop=int(loop[1])) if loop else inst

    def _typed(self, text: str) -> tuple[Type, Operand, str]:
        kind, rest = self.types.read(text)
        value, rest = operand(rest)
        return kind, value, rest.lstrip().removeprefix(",")

    def _cast(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        flags = _FLAGS.match(rest)
        kind, value, rest = self._typed(rest[flags.end() :] if flags else rest)
        return Inst(opcode, name, self.types.whole(rest.strip().removeprefix("to ")), (value,), (kind,), (), debug)

    def _icmp(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        rest = rest.removeprefix("samesign ")
        predicate, rest = rest.split(" ", 1)
        kind, left, rest = self._typed(rest)
        right, _ = operand(rest)
        return Inst(opcode, name, Int(1), (left, right), (kind,), (predicate,), debug)

    def _select(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        kind, condition, rest = self._typed(rest)
        result, one, rest = self._typed(rest)
        _, zero, _ = self._typed(rest)
        return Inst(opcode, name, result, (condition, one, zero), (kind,), (), debug)

    def _freeze(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        kind, value, _ = self._typed(rest)
        return Inst(opcode, name, kind, (value,), (), (), debug)

    def _phi(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        kind, rest = self.types.read(rest)
        pairs = _PHI.findall(rest)
        values = tuple(operand(value)[0] for value, _ in pairs)
        return Inst(opcode, name, kind, values, (), tuple(block for _, block in pairs), debug)

    def _load(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        detail = ("volatile",) if rest.startswith("volatile ") else ()
        kind, rest = self.types.read(rest.removeprefix("volatile "))
        _, pointer, _ = self._typed(rest.lstrip().removeprefix(","))
        return Inst(opcode, name, kind, (pointer,), (), detail, debug)

    def _store(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        detail = ("volatile",) if rest.startswith("volatile ") else ()
        kind, value, rest = self._typed(rest.removeprefix("volatile "))
        _, pointer, _ = self._typed(rest)
        return Inst(opcode, name, Other("void"), (value, pointer), (kind,), detail, debug)

    def _alloca(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        kind, _ = self.types.read(rest)
        return Inst(opcode, name, Ptr(), (), (kind,), (), debug)

    def _getelementptr(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        flags = _FLAGS.match(rest)
        source, rest = self.types.read(rest[flags.end() :] if flags else rest)
        values, kinds = [], [source]
        rest = rest.lstrip().removeprefix(",")
        while rest.strip():
            kind, value, rest = self._typed(rest)
            values.append(value)
            kinds.append(kind)
        return Inst(opcode, name, Ptr(), tuple(values), tuple(kinds), (), debug)

    def _br(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        labels = tuple(_LABEL.findall(rest))
        values = () if len(labels) == 1 else (operand(rest.removeprefix("i1 "))[0],)
        return Inst(opcode, name, Other("void"), values, (), labels, debug)

    def _switch(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        kind, value, rest = self._typed(rest)
        default = _LABEL.match(rest.strip())
        assert default is not None
        cases = _CASE.findall(rest[rest.index("[") :])
        values = (value, *(operand(number)[0] for number, _ in cases))
        labels = (default[1], *(label for _, label in cases))
        return Inst(opcode, name, Other("void"), values, (kind,), labels, debug)

    def _ret(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        return Inst(opcode, name, Other("void"), (), (), (), debug)

    def _unreachable(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        return Inst(opcode, name, Other("void"), (), (), (), debug)

    def _call(self, opcode: str, name: str, rest: str, debug: int) -> Inst:
        match = _CALLEE.search(rest)
        if match is None:
            return Inst("unsupported", name, Other("void"), (), (), ("call", rest), debug)
        result = _PARAM_ATTRS.sub("", rest[: match.start()]).split()
        kind = self.types.whole(result[-1]) if result else Other("void")
        values, kinds = [], []
        for part in _split(rest[match.end() : _closing(rest, match.end())]):
            argument, value, _ = self._typed(_PARAM_ATTRS.sub("", part))
            values.append(value)
            kinds.append(argument)
        if match[1].startswith(BOUND):
            return Inst("mul", name, kind, tuple(values), tuple(kinds), (match[1].split(".")[2],), debug)
        return Inst(opcode, name, kind, tuple(values), tuple(kinds), (match[1],), debug)


def _closing(text: str, at: int) -> int:
    """Return the offset of the bracket that closes the one before offset `at`."""
    depth = 1
    for index in range(at, len(text)):
        depth += (text[index] in "([{") - (text[index] in ")]}")
        if depth == 0:
            return index
    return len(text)


def _split(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth, last = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and depth == 0:
            parts.append(text[last:index].strip())
            last = index + 1
    if text[last:].strip():
        parts.append(text[last:].strip())
    return parts

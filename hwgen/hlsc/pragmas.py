# SPDX-License-Identifier: Apache-2.0
"""`#pragma HLS` and `#pragma HWGEN` in preprocessed C++: read all, and hand loop directives to clang at the loop."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hwgen.hlsc import variables
from hwgen.hlsc.directives import Directive, check, number, parse
from hwgen.hlsc.ir import SLOWEST

_TOKEN = re.compile(
    r"""^[ \t]*\#[^\n]*$ | R"([^()\\\s]{0,16})\(.*?\)\1" | "(?:\\.|[^"\\\n])*" | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'
      | \b(?:for|while|do)\b | [{}();]""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_HEADER = re.compile(r"(\w+)\s*\([^{};]*\)\s*(?:noexcept\s*)?\Z")
_HEADER_LENGTH = 4000
_MARKER = re.compile(r'[ \t]*#[ \t]+(?:line[ \t]+)?(\d+)[ \t]+"((?:\\.|[^"\\])*)"')
_OURS = re.compile(r"[ \t]*#[ \t]*pragma[ \t]+(HLS|HWGEN)\b[ \t]*(.*)$", re.IGNORECASE)


@dataclass
class _Block:
    """An open bracket at an offset; `loop` is the offset of the loop keyword that it is the body of, else None."""

    kind: str
    loop: int | None = None
    at: int = 0


@dataclass
class _Scan:
    """State of the walk over the preprocessed text."""

    text: str
    blocks: list[_Block] = field(default_factory=list)
    header: int | None = None
    ready: int | None = None
    directives: list[Directive] = field(default_factory=list)
    loops: dict[int, tuple[str, Directive]] = field(default_factory=dict)
    marks: dict[tuple[int, int], str] = field(default_factory=dict)

    def token(self, token: str, at: int) -> None:
        """Track which braces are loop bodies."""
        if token in ("for", "while"):
            self.header, self.ready = at, None
        elif token == "do":
            self.ready = at
        elif token == "(":
            self.blocks.append(_Block("(", self.header))
            self.header = None
        elif token == "{":
            self.blocks.append(_Block("{", self.ready, at))
            self.ready = None
        elif token in (")", "}"):
            block = self.blocks.pop() if self.blocks else _Block(token)
            self.ready = block.loop if token == ")" else None
        elif token == ";" and not (self.blocks and self.blocks[-1].kind == "("):
            self.ready = None

    def _function(self) -> str:
        """Return the name of the function that the walk is in."""
        for block in self.blocks:
            if block.kind != "{":
                continue
            found = _HEADER.search(self.text, max(0, block.at - _HEADER_LENGTH), block.at)
            if found:
                return found[1]
        return ""

    def pragma(self, found: re.Match[str], file: str, line: int, span: tuple[int, int]) -> None:
        """Read one directive, which stands at the offsets `span`, and choose the loop it is for."""
        directive = parse(found[2], file, line, self._function(), found[1].upper())
        check(directive)
        if directive.name in variables.NAMES:
            self._statement(directive)
            self.marks[span] = variables.mark(directive, len(self.directives))
        self.directives.append(directive)
        option = _loop_option(directive)
        if option is None:
            return
        loop = self.ready
        if loop is None and self.blocks and self.blocks[-1].kind == "{":
            loop = self.blocks[-1].loop
        if loop is None:
            rule = f"{directive.name} must stand in the body of a loop."
            raise directive.refused(rule, "Move the pragma to the first line of the loop's body.")
        if loop in self.loops and self.loops[loop][1].name != directive.name:
            raise directive.refused(
                "A loop must be either pipelined or unrolled, not both.",
                "Keep PIPELINE on the one outer loop and UNROLL on the loops inside it.",
            )
        if self.loops.get(loop, (option,))[0] != option:
            rule = f"A loop must have one {directive.name}, and here is another that says something else."
            raise directive.refused(rule, "Keep one of them.")
        self.loops[loop] = (option, directive)

    def _statement(self, directive: Directive) -> None:
        """Refuse a directive about a variable where no statement can be."""
        if self.ready is not None or not self.blocks or self.blocks[-1].kind != "{":
            rule = f"{directive.name} must stand in a block of a function."
            raise directive.refused(rule, "Put it behind the variable's declaration.")


def _loop_option(directive: Directive) -> str | None:
    """Return clang's loop option for a loop directive, None for the others."""
    if directive.name == "UNROLL":
        factor = directive.args.get("factor")
        if factor is not None and not number(factor):
            rule = "UNROLL's factor must be a number from 1 upwards, of at most nine digits."
            raise directive.refused(rule, "Write UNROLL alone to unroll fully.")
        return f"unroll_count({factor})" if factor else "unroll(full)"
    if directive.name == "PIPELINE":
        option = "unroll(disable) vectorize(disable)"
        interval = initiation_interval(directive)
        return option if interval is None else f"{option} pipeline_initiation_interval({interval})"
    return None


def initiation_interval(directive: Directive) -> int | None:
    """Return the clocks between two iterations that a PIPELINE asks for, None where the compiler may choose.

    Raises
    ------
    HlsError
        For ``off``, and for an II that is no number from 1 to `ir.SLOWEST`.
    """
    if "off" in directive.args:
        raise directive.refused(
            "PIPELINE must not be off: the loop of a process is a pipeline.",
            "Write #pragma HLS PIPELINE II=n with the clocks that an iteration may take.",
        )
    text = directive.args.get("ii")
    if text is None:
        return None
    interval = number(text)
    if interval is None or not 1 <= interval <= SLOWEST:
        rule = f"PIPELINE's II must be a number from 1 to {SLOWEST}, not {text or 'nothing'}."
        raise directive.refused(rule, "Write #pragma HLS PIPELINE II=1.")
    return interval


def rewrite(text: str) -> tuple[str, tuple[Directive, ...]]:
    """Put clang's loop pragmas where the HLS directives ask for them.

    Parameters
    ----------
    text
        Preprocessed C++ with line markers.

    Returns
    -------
    tuple
        The text with lines and columns unchanged for every token (line markers are added), and all directives.

    Raises
    ------
    HlsError
        For an unknown directive, or a loop directive outside a loop.
    """
    scan = _Scan(text)
    markers: list[tuple[int, int, str, str]] = [(0, 1, "", "")]
    for match in _TOKEN.finditer(text):
        token = match.group()
        stripped = token.lstrip()
        if not stripped.startswith("#"):
            scan.token(token, match.start())
            continue
        marker = _MARKER.match(token)
        if marker:
            markers.append((match.end() + 1, int(marker[1]), marker[2], " 3" if "3" in token[marker.end() :] else ""))
            continue
        ours = _OURS.match(token)
        if ours:
            file, line, _ = _place(text, markers, match.start())
            scan.pragma(ours, file, line, match.span())
    return variables.DECLARED * bool(scan.marks) + _insert(text, markers, scan), tuple(scan.directives)


def _place(text: str, markers: list[tuple[int, int, str, str]], at: int) -> tuple[str, int, str]:
    """Return file, line and marker flags of offset `at`."""
    low, high = 0, len(markers)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if markers[middle][0] <= at else (low, middle)
    start, line, file, flags = markers[low]
    return file.replace("\\\\", "\\").replace('\\"', '"'), line + text.count("\n", start, at), flags


def _insert(text: str, markers: list[tuple[int, int, str, str]], scan: _Scan) -> str:
    """Insert the loop options before the loop keywords, keeping line and column of what follows, and the marks."""
    pieces: list[str] = []
    last = 0
    edits = [(at, at, option) for at, (option, _) in scan.loops.items()]
    edits += [(start, end, mark) for (start, end), mark in scan.marks.items()]
    for at, end, option in sorted(edits):
        if end > at:
            pieces += [text[last:at], option]
            last = end
            continue
        file, line, flags = _place(text, markers, at)
        column = at - (text.rfind("\n", 0, at) + 1)
        quoted = file.replace("\\", "\\\\").replace('"', '\\"')
        pieces += [text[last:at], f'\n#pragma clang loop {option}\n# {line} "{quoted}"{flags}\n', " " * column]
        last = at
    return "".join([*pieces, text[last:]])

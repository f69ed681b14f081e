# SPDX-License-Identifier: Apache-2.0
"""The compiler's refusal: which rule was broken, where in the kernel, and what to do."""

from __future__ import annotations

from pathlib import Path

from hwgen.errors import Problem, UnsupportedError


class HlsError(UnsupportedError):
    """C++ that is outside the compiler's subset, or no C++ at all.

    Parameters
    ----------
    rule
        The rule that is broken, a sentence with a full stop.
    file, line, column
        Place in the user's source; empty file and 0 where there is none. Without a column it is that of the line's
        first word.
    fix
        What to do, a sentence with a full stop.
    """

    def __init__(self, rule: str, *, file: str = "", line: int = 0, column: int = 0, fix: str = "") -> None:
        self.rule = rule
        self.file = file
        self.line = line
        self.column = column or _first_word(file, line)
        self.fix = fix
        super().__init__(Problem(self.place + rule, hint=fix or None))

    @property
    def place(self) -> str:
        """``file:line:column: ``, or nothing where the place is unknown."""
        if not self.file:
            return ""
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)]) + ": "


def _first_word(file: str, line: int) -> int:
    """Return the column of the first word in a line, 0 where the file cannot be read."""
    if not file or line < 1:
        return 0
    try:
        text = Path(file).read_text(errors="replace").splitlines()[line - 1]
    except (OSError, IndexError):
        return 0
    return len(text) - len(text.lstrip()) + 1

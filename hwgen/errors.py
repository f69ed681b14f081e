# SPDX-License-Identifier: Apache-2.0
"""The one exception family of hwgen: every failure a user can cause is a sentence and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    USER = 2
    UNSUPPORTED = 3
    INFEASIBLE = 4
    MISMATCH = 5
    INTERNAL = 70
    INTERRUPTED = 130


@dataclass(frozen=True)
class Problem:
    """One finding: a sentence that says what is wrong, where, and what to do.

    Parameters
    ----------
    message
        "X must be Y, not Z" without the node name, with a full stop.
    node
        Name of the ONNX node or layer it was found at, if any.
    hint
        "Try W.", with a full stop, if there is something to try.
    """

    message: str
    node: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        text = self.message
        if self.node is not None:
            text = f"{text.removesuffix('.')} (node {self.node})."
        return f"{text} {self.hint}" if self.hint else text


@dataclass(frozen=True)
class Unquantised(Problem):
    """A finding that quantising the model, or more of it, takes away."""


class HwgenError(Exception):
    """Base of all errors that hwgen raises on purpose; carries every problem found, not only the first."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, problems: str | Problem | Iterable[Problem], *, hint: str | None = None) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems, hint=hint)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[HwgenError], tuple[tuple[Problem, ...]]]:
        """Pickle with every problem."""
        return type(self), (self.problems,)


class UserError(HwgenError):
    """The call, a file or a setting is wrong."""

    exit_code = ExitCode.USER


class UnsupportedError(HwgenError):
    """The model is valid, but hwgen cannot build something in it."""

    exit_code = ExitCode.UNSUPPORTED


class InfeasibleError(HwgenError):
    """The model cannot be built within the budget."""

    exit_code = ExitCode.INFEASIBLE


class MismatchError(HwgenError):
    """Two of the three witnesses (golden, csim, RTL) differ."""

    exit_code = ExitCode.MISMATCH


class InternalError(HwgenError):
    """A tool that hwgen drives failed in a way that is not the user's fault, or hwgen has a bug."""

    exit_code = ExitCode.INTERNAL


def nearest(name: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Return the up to `count` names of `known` that look most like `name`, best first."""
    folded = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), list(folded), n=count, cutoff=0.5)
    return [folded[c] for c in close]


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return "Did you mean a, b?" or "Known: a, b, c." as a hint for an unknown name."""
    close = nearest(name, known)
    if close:
        return f"Did you mean {', '.join(close)}?"
    return f"Known: {', '.join(sorted(known))}."

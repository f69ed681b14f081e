# SPDX-License-Identifier: Apache-2.0
"""A second look at a file whose import failed: an import stops at the first kind of findings, this does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from hwgen.errors import HwgenError
from hwgen.frontend.clean import bare, check_operators
from hwgen.frontend.declared import with_shapes
from hwgen.frontend.guard import guarded
from hwgen.frontend.load import UNFIT, check_numbers
from hwgen.frontend.read import read


def survey(path: Path, shapes: Mapping[str, Sequence[int]]) -> list[HwgenError]:
    """Return what is wrong with the operators, the inputs and the numbers of a file, each looked at by itself.

    What cannot be looked at, because the file is damaged there, is left out: the import has said so.

    Parameters
    ----------
    shapes
        As for `load`.
    """
    return guarded(partial(_survey, path, shapes), str(path))


def _survey(path: Path, shapes: Mapping[str, Sequence[int]]) -> list[HwgenError]:
    found: list[HwgenError] = []

    def look(step: Callable[[], object]) -> None:
        try:
            step()
        except HwgenError as error:
            found.append(error)
        except (MemoryError, *UNFIT):
            pass

    def inputs() -> None:
        draft = bare(proto, str(path))
        look(lambda: with_shapes(draft, shapes))
        look(lambda: check_numbers(draft))

    proto, _ = read(path)
    look(lambda: check_operators(proto, str(path)))
    look(inputs)
    return found

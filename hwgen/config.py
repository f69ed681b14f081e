# SPDX-License-Identifier: Apache-2.0
"""The budget: what the user allows a design to use and what it should be good at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwgen.errors import Problem, UserError, did_you_mean

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Limits(_Strict):
    """Resources that the design may use; what is not given is limited by the device."""

    lut: NotNegative | None = None
    ff: NotNegative | None = None
    dsp: NotNegative | None = None
    bram36: NotNegative | None = None
    uram: NotNegative | None = None


class FpsTarget(_Strict):
    """At least this many frames per second, with the least area."""

    fps: Positive


class Budget(_Strict):
    """A budget file's content.

    Parameters
    ----------
    board
        Board name; the command line may give it instead.
    clock_mhz
        Clock to plan for; the board's default where absent.
    limits
        Resources that may be used.
    target
        ``max_fps``, ``min_latency``, or ``{fps: x}``.
    """

    board: str | None = None
    clock_mhz: Positive | None = None
    limits: Limits = Limits()
    target: Literal["max_fps", "min_latency"] | FpsTarget = "max_fps"

    @classmethod
    def load(cls, path: Path) -> Budget:
        """Read a YAML file.

        Raises
        ------
        UserError
            With every problem found in it.
        """
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise UserError(f"Budget file {path} cannot be read: {reason}.") from error
        return cls.parse({} if data is None else data, str(path))

    @classmethod
    def parse(cls, data: Any, where: str = "budget") -> Budget:
        """Check plain data.

        Raises
        ------
        UserError
            With every problem found in it; unknown keys name the nearest known one.
        """
        if not isinstance(data, Mapping):
            raise UserError(f"{where} must be a mapping.", hint=f"Keys: {', '.join(cls.model_fields)}.")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise UserError(_problems(where, data, error)) from error

    def merge(self, **overrides: Any) -> Budget:
        """Return a copy in which every override that is not None wins; `limits` are merged key by key.

        Raises
        ------
        UserError
            When an override is wrong.
        """
        data = self.model_dump(exclude_none=True)
        for key, value in overrides.items():
            if value is None:
                continue
            if key == "limits":
                value = {**data["limits"], **{k: v for k, v in dict(value).items() if v is not None}}
            data[key] = value
        return Budget.parse(data, "command line")


_MODELS: dict[tuple[str, ...], type[BaseModel]] = {(): Budget, ("limits",): Limits, ("target",): FpsTarget}


def _problems(where: str, data: Mapping[str, Any], error: ValidationError) -> list[Problem]:
    problems = []
    target_reported = False
    for item in error.errors():
        path = tuple(str(part) for part in item["loc"])
        if path[0] == "target":
            if not target_reported:
                problems.append(_target_problem(where, data["target"]))
            target_reported = True
        elif item["type"] == "extra_forbidden":
            known = list(_MODELS[path[:-1]].model_fields)
            key = ".".join(path)
            problems.append(Problem(f"{where} has an unknown key {key!r}.", hint=did_you_mean(path[-1], known)))
        else:
            problems.append(Problem(f"{where}: {'.'.join(path)} must be {_wanted(path)}, not {item['input']!r}."))
    return problems


def _wanted(path: tuple[str, ...]) -> str:
    if path == ("board",):
        return "a board's name"
    if path == ("limits",):
        return f"a mapping with keys among {', '.join(Limits.model_fields)}"
    return "a positive number" if path == ("clock_mhz",) else "a number that is not negative"


def _target_problem(where: str, value: Any) -> Problem:
    hint = None
    if isinstance(value, str):
        hint = did_you_mean(value, ["max_fps", "min_latency"])
    return Problem(
        f"{where}: target must be max_fps, min_latency or {{fps: x}} with x positive, not {value!r}.", hint=hint
    )

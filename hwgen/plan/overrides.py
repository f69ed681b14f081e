# SPDX-License-Identifier: Apache-2.0
"""The layers that a budget names, found in the graph, and the options that it leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwgen.config import Budget, LayerChoice
from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.graph import Graph
from hwgen.plan.sites import Candidate, Site


def choices_of(graph: Graph, budget: Budget) -> dict[str, LayerChoice]:
    """Return the user's choices by node name; a node goes by its own name, or by that of an ONNX node it computes.

    An ONNX node that several nodes compute stands for those that multiply weights, else for all of them.

    Raises
    ------
    UserError
        With every name that no node has, or that means a node which another name means too.
    """
    names = {node.name: [node.name] for node in graph.nodes}
    for node in graph.nodes:
        for source in node.source:
            if source not in names or names[source] != [source]:
                names.setdefault(source, []).append(node.name)
    weighted = {node.name for node in graph.nodes if "weight" in node.constants}
    found: dict[str, LayerChoice] = {}
    given: dict[str, str] = {}
    problems = []
    for key, choice in budget.layers.items():
        if key not in names:
            hint = did_you_mean(key, list(names))
            problems.append(Problem(f"layers.{key} must be a layer of the network, but there is none.", hint=hint))
            continue
        for name in [n for n in names[key] if n in weighted] or names[key]:
            if name in found:
                text = f"layers.{key} must be named once, but layers.{given[name]} is the same layer."
                problems.append(Problem(text))
            found[name], given[name] = choice, key
    if problems:
        raise UserError(problems)
    return found


def restricted(sites: Sequence[Site], choices: Mapping[str, LayerChoice]) -> list[Site]:
    """Return the sites with those options alone that the user's choices leave.

    Raises
    ------
    UserError
        With every choice that a layer does not have, and its legal ones.
    """
    found, problems = [], []
    for site in sites:
        given = {key: value for key, value in choices.get(site.name, LayerChoice()) if value is not None}
        problems += [problem for key, value in given.items() if (problem := _impossible(site, key, value))]
        left = tuple(c for c in site.candidates if all(_value(c, key) == value for key, value in given.items()))
        if not left and not problems:
            text = " with ".join(f"{key} {value}" for key, value in given.items())
            problems.append(Problem(f"layers.{site.name} must be buildable, but has no form of {text}."))
        found.append(replace(site, candidates=left))
    if problems:
        raise UserError(problems)
    return found


def _impossible(site: Site, key: str, value: object) -> Problem | None:
    legal = sorted({_value(candidate, key) for candidate in site.candidates})
    if value in legal:
        return None
    return Problem(f"layers.{site.name}.{key} must be one of {', '.join(map(str, legal))}, not {value}.")


def _value(candidate: Candidate, key: str) -> int | str:
    """Return what an option says to a key of `LayerChoice`; a table that logic absorbs is in LUTs."""
    choice = candidate.option.choice
    if key == "unit":
        return choice.unit
    if key == "weights":
        return "lut" if choice.storage == "auto" else choice.storage
    size: int = getattr(choice.folding, key)
    return size

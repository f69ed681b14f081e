# SPDX-License-Identifier: Apache-2.0
"""Who may import whom (docs/dataflow.md): data goes one way, so do imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from jinja2 import meta

from hwgen.report.html import environment

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "hwgen"
BASE = {"errors", "config", "budget_values", "packing", "resources", "version", "artifacts"}
SHELL = {
    "pipeline",
    "cli",
    "console",
    "stages",
    "facts",
    "ladder",
    "bitstream",
    "compile",
    "request",
    "workspace",
    "manifest",
    "check",
    "planning",
    "layers_alone",
    "glue_alone",
    "commands",
    "sweep",
    "cluster",
    "ptq",
    "qat",
    "inspect_model",
    "tables",
    "debug",
    "doctor",
    "finished",
    "regress",
    "run_board",
    "onnx_view",
    "__init__",
}
ALLOWED: dict[str, set[str]] = {
    "graph": BASE,
    "hw": BASE | {"graph"},
    "ops": BASE | {"graph", "hw"},
    "frontend": BASE | {"graph", "hw", "ops"},
    "passes": BASE | {"graph", "hw", "ops"},
    "quantize": BASE | {"graph", "hw", "ops", "frontend", "passes"},
    "plan": BASE | {"graph", "hw", "ops", "native"},
    "render": BASE | {"graph", "hw", "plan"},
    "handover": BASE | {"graph", "hw", "plan", "render"},
    "verify": BASE | {"graph", "hw", "plan", "hlsc"},
    "synth": BASE | {"graph", "hw", "plan"},
    "report": BASE | {"graph", "hw", "plan"},
    "hlsc": {"errors", "packing"},
    "native": {"hlsc"},
}
PLAN_READERS = ("render", "handover", "verify", "synth", "report")


def imports(path: Path) -> list[str]:
    """Return the modules of hwgen that a file imports, as dotted names without the leading ``hwgen.``."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "hwgen":
            rest = node.module.split(".", 1)[1:]
            found += [f"{rest[0]}.{a.name}" if rest else a.name for a in node.names]
        elif isinstance(node, ast.Import):
            found += [a.name.split(".", 1)[1] for a in node.names if a.name.startswith("hwgen.")]
    return found


def sources() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "_data" not in p.parts)


def test_every_room_has_a_rule() -> None:
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir() and (p / "__init__.py").is_file()}
    files = {p.stem for p in PACKAGE.glob("*.py")}
    assert rooms <= set(ALLOWED) | SHELL
    assert files <= set(ALLOWED) | BASE | SHELL


@pytest.mark.parametrize("path", sources(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    used = {name.split(".")[0] for name in imports(path)}
    if room in SHELL:
        return
    allowed = BASE if room in BASE else ALLOWED[room] | {room}
    assert used <= allowed, f"{path.relative_to(ROOT)} must not import {sorted(used - allowed)}"


@pytest.mark.parametrize("room", PLAN_READERS)
def test_readers_of_the_plan_never_see_how_it_was_made(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imports(path):
            if name.split(".")[0] == "plan":
                assert name.startswith("plan.types"), (
                    f"{path.relative_to(ROOT)} imports hwgen.{name}, not hwgen.plan.types"
                )


def test_the_rule_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from hwgen.graph import Graph\nimport hwgen.ops.base\nfrom hwgen import cli\n")
    assert imports(bad) == ["graph.Graph", "ops.base", "cli"]


def test_templates_know_no_graph() -> None:
    for path in (ROOT / "templates").rglob("*.j2"):
        used = meta.find_undeclared_variables(environment().parse(path.read_text()))
        assert not {name for name in used if "graph" in name}, f"{path.name} is given a graph"

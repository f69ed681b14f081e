# SPDX-License-Identifier: Apache-2.0
"""Compile every process of a design: two workers at a time, and never the same text twice."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hwgen.artifacts import decode, encode, read_json, write_json
from hwgen.errors import HwgenError, InternalError, Problem, UnsupportedError
from hwgen.hlsc import Module, Target
from hwgen.resources import cache_folder
from hwgen.version import fingerprint

WORKERS = 2
TIMEOUT = 1800.0


def compile_all(
    functions: Sequence[str], hls: Path, target: Target, say: Callable[[str], None] = lambda text: None
) -> dict[str, Module]:
    """Compile ``<hls>/src/<function>.cpp`` for each function.

    Returns
    -------
    dict
        Module by function name, in the order asked for.

    Raises
    ------
    UnsupportedError
        With the refusals of all processes.
    """
    library = _digest(hls / "include")
    keys = {name: _key(name, hls, target, library) for name in functions}
    missing = [name for name in functions if _cached(keys[name]) is None]
    say(f"{len(functions)} processes, {len(functions) - len(missing)} of them compiled before")
    fresh = _run_workers(missing, keys, hls, target) if missing else {}
    return {name: fresh.get(name) or _known(keys[name]) for name in functions}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _key(name: str, hls: Path, target: Target, library: str) -> str:
    texts = [(hls / "src" / f"{name}.cpp").read_text()]
    parameters = hls / "src" / "params" / f"{name}.hpp"
    if parameters.is_file():
        texts.append(parameters.read_text())
    parts = [fingerprint("hlsc"), library, name, asdict(target), texts]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _cached(key: str) -> Module | None:
    try:
        module: Module = decode(Module, read_json(cache_folder() / "modules" / f"{key}.json"), {})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return module


def _known(key: str) -> Module:
    module = _cached(key)
    assert module is not None
    return module


def _store(key: str, module: Module) -> None:
    """Keep a module; a cache that cannot be written costs time, nothing else."""
    try:
        folder = cache_folder() / "modules"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as part:
            write_json(Path(part) / "module.json", encode(module, {}))
            os.replace(Path(part) / "module.json", folder / f"{key}.json")
    except OSError:
        return


def _run_workers(names: Sequence[str], keys: dict[str, str], hls: Path, target: Target) -> dict[str, Module]:
    """Share the processes among workers; a worker's crash becomes a sentence."""
    children: list[subprocess.Popen[str]] = []
    shares = [share for share in (list(names[i::WORKERS]) for i in range(WORKERS)) if share]
    with ThreadPoolExecutor(len(shares)) as pool:
        try:
            answers = list(pool.map(lambda share: _ask(share, hls, target, children), shares))
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
    problems = list(dict.fromkeys(Problem(**p) for answer in answers for p in answer["problems"]))
    if problems:
        raise UnsupportedError(problems)
    modules: dict[str, Module] = {}
    for answer in answers:
        modules |= {name: decode(Module, data, {}) for name, data in answer["modules"].items()}
    for name, module in modules.items():
        _store(keys[name], module)
    return modules


def _ask(share: list[str], hls: Path, target: Target, children: list[subprocess.Popen[str]]) -> dict[str, Any]:
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.Popen(
        [sys.executable, "-m", "hwgen.compile"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    children.append(child)
    question = json.dumps({"functions": share, "hls": str(hls), "target": asdict(target)})
    try:
        answer, errors = child.communicate(question, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise InternalError(f"The HLS compiler took more than {TIMEOUT:g} s for {', '.join(share)}.") from None
    if child.returncode != 0:
        tail = errors.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise InternalError(f"The HLS compiler crashed on one of {', '.join(share)}: {tail[0]}")
    data: dict[str, Any] = json.loads(answer)
    return data


def _worker() -> None:
    """Answer one question on standard input: modules and problems as JSON."""
    from hwgen.hlsc import compile_process

    question = json.load(sys.stdin)
    hls, target = Path(question["hls"]), Target(**question["target"])
    modules: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    for name in question["functions"]:
        try:
            module = compile_process(hls / "src" / f"{name}.cpp", name, [hls / "include"], target)
        except HwgenError as error:
            problems += [{**asdict(p), "node": p.node or name} for p in error.problems]
        else:
            modules[name] = encode(module, {})
    json.dump({"modules": modules, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    _worker()

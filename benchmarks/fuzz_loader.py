# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile files against the loader: ``python benchmarks/fuzz_loader.py --count 20000 --seed 1``.

Every input is a changed copy (`loader_mutations.py`) of one of the project's designs, of the real models beside the
checkout (`HWGEN_SHARED`), of ONNX's node tests, or of a random quantised network. It is loaded, every third one with
its shapes as in the file; the others are lowered where they load. That happens in a process that is limited to `MEMORY`
of address space and `SECONDS` of processor time an input, and that notes every file opened. It
loads without the guard that forks; what kills it is judged again with it, as users have it. A finding is whatever is
neither a model nor a sentence: any exception but `HwgenError`, an `InternalError`, a crash, a hang, a file written, or
one read that the model has no business with.
A finding is printed and kept (``--keep``); the JSON on stdout sums up. The same seed and number give the same input.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
MEMORY = 6 << 30
SECONDS = 10.0
CRASH = "finding: crash"
WALL = 30.0
"""A process that sleeps is given up after this multiple of `SECONDS` of real time."""

LARGEST = 150_000
"""Bytes of the largest file that is changed often; larger ones are drawn once in 200 inputs."""


@dataclass(frozen=True)
class Seeds:
    """The files that are changed: networks, those too large to be changed often, and node tests (one operator each)."""

    networks: tuple[bytes, ...]
    large: tuple[bytes, ...]
    operators: tuple[bytes, ...]


@cache
def seeds() -> Seeds:
    """Return what there is to change."""
    import onnx_node_tests

    from tests.differential.networks import generate

    paths = [*ROOT.glob("designs/*/model.onnx"), *SHARED.glob("models/*/*.onnx"), *SHARED.glob("workloads/*.onnx")]
    real = [path.read_bytes() for path in sorted(paths)]
    made = [generate(seed).model.SerializeToString() for seed in range(60)]
    tests = [case for case in onnx_node_tests.cases() if case.model.ByteSize() < LARGEST]
    forms = [onnx_node_tests.with_constants(case, list(case.feeds)[1:]).SerializeToString() for case in tests]
    small = [data for data in real if len(data) < LARGEST]
    return Seeds((*small * 3, *made), tuple(data for data in real if len(data) >= LARGEST), tuple(forms))


def file_of(seed: int, index: int) -> bytes:
    """Return the input of this number; every third one is an operator."""
    from loader_mutations import mutated

    rng = random.Random(f"{seed}/{index}")
    known = seeds()
    kind = known.operators if index % 3 == 0 else known.large if rng.random() < 0.005 else known.networks
    return mutated(rng.choice(kind or known.networks), rng.choice(known.networks), rng)


class Watch:
    """Notes what Python opens, here and in forked processes, from the moment it is armed."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.armed = False
        self.log = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Receive an audit event of the interpreter."""
        if not self.armed:
            return
        if event == "open" and isinstance(arguments[0], str | os.PathLike | bytes):
            path, mode, flags = Path(os.fsdecode(arguments[0])), arguments[1] or "", arguments[2] or 0
            written = any(letter in mode for letter in "wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            inside = path.resolve().is_relative_to(self.folder)
            known = str(path) == os.devnull or path.suffix in (".py", ".pyc", ".so", ".yaml", ".json")
            if not known and (written or not inside):
                os.write(self.log, f"{'writes' if written else 'reads'} {path}\n".encode())
        elif event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link", "subprocess.Popen", "os.system"):
            os.write(self.log, f"{event} {arguments[0]!r}\n".encode())

    def seen(self) -> str:
        """Return what was noted since the last call."""
        text = os.pread(self.log, 10_000, 0).decode()
        os.ftruncate(self.log, 0)
        return text


def judge(path: Path, watch: Watch, *, as_in_file: bool) -> tuple[str, str]:
    """Load and lower a file; return what happened and, of a finding, the details."""
    from hwgen.errors import HwgenError, InternalError
    from hwgen.frontend import load
    from hwgen.passes.lower import lower

    before = sorted(p.name for p in path.parent.iterdir())
    step = "load"
    watch.armed = True
    try:
        model = load(path, as_in_file=as_in_file)
        outcome, details = "loaded as in the file", ""
        if not as_in_file:
            step = "lower"
            lower(model)
            outcome = "lowered"
    except InternalError as error:
        outcome, details = f"finding: {step}: internal error", str(error)
    except HwgenError as error:
        outcome, details = f"{step}: {type(error).__name__}", ""
        if "Traceback" in str(error) or not all(str(p).rstrip().endswith((".", "?")) for p in error.problems):
            outcome, details = f"finding: {step}: no sentence", str(error)
    except BaseException as error:
        outcome = f"finding: {step}: {type(error).__name__}"
        details = "".join(traceback.format_exception(error, limit=-6))
    watch.armed = False
    if seen := watch.seen():
        return "finding: files", seen
    if sorted(p.name for p in path.parent.iterdir()) != before:
        return "finding: files", "the model's folder changed"
    return outcome, details


def serve(pipe: Connection, place: str, forks: bool) -> None:
    """Judge the files that come through the pipe; with `forks`, loading is guarded as it is for users."""
    import hwgen.frontend

    os.setsid()
    if not forks:
        vars(sys.modules[f"{hwgen.frontend.__name__}.load"])["guarded"] = lambda work, what: work()
    folder = Path(place) / "case"
    _laid_out(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(place)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    watch = Watch(folder.resolve(), Path(place) / "opened.log")
    sys.addaudithook(watch)
    path = folder / "model.onnx"
    pipe.send("ready")
    while True:
        data, as_in_file = pipe.recv()
        path.write_bytes(data)
        start = _processor_seconds(str(os.getpid()))
        outcome, details = judge(path, watch, as_in_file=as_in_file)
        pipe.send((outcome, details, _processor_seconds(str(os.getpid())) - start))


def _laid_out(folder: Path) -> None:
    """Make the folder of the model, with external data, and what it must not reach outside it."""
    folder.mkdir()
    (folder.parent / "secret.bin").write_bytes(b"secret" * 1000)
    (folder / "data.bin").write_bytes(bytes(4096))
    (folder / "link.bin").symlink_to("../secret.bin")
    (folder / "loop.bin").symlink_to("loop.bin")
    os.mkfifo(folder / "pipe.bin")
    (folder / "model.onnx").write_bytes(b"")


class Worker:
    """A process that judges inputs; a new one takes its place when it dies."""

    def __init__(self, *, forks: bool) -> None:
        self.forks = forks
        self._start()

    def _start(self) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="hwgen-fuzz-")
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=serve, args=(end, self.place.name, self.forks), daemon=True)
        self.process.start()
        end.close()
        assert self.pipe.recv() == "ready"

    def judge(self, data: bytes, as_in_file: bool) -> tuple[str, str, float]:
        """Return outcome, details and processor seconds of a file."""
        try:
            self.pipe.send((data, as_in_file))
            spent, start = self._processor_seconds(), time.monotonic()
            while not self.pipe.poll(0.5):
                used = self._processor_seconds() - spent
                if used > SECONDS or time.monotonic() - start > WALL * SECONDS:
                    return self._replaced("finding: hang", f"{used:.0f} s of processor time", used)
            outcome: tuple[str, str, float] = self.pipe.recv()
            return outcome
        except (EOFError, ConnectionResetError, BrokenPipeError):
            self.process.join()
            return self._replaced(CRASH, f"exit code {self.process.exitcode}", 0.0)

    def _processor_seconds(self) -> float:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(_processor_seconds(pid) for pid in (str(self.process.pid), *children))

    def _replaced(self, outcome: str, details: str, seconds: float) -> tuple[str, str, float]:
        self.close()
        self._start()
        return outcome, details, seconds

    def close(self) -> None:
        """End the process and what it forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.pipe.close()
        self.place.cleanup()


def _processor_seconds(pid: str) -> float:
    """Return what a process and those that it has waited for have used; 0 when it has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def run(
    seed: int, numbers: range, keep: Path | None, seconds: float, report: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Judge inputs one after the other and return the figures; every 500 inputs those so far are reported."""
    worker = Worker(forks=False)
    crashes = 0
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    start = time.monotonic()
    findings: list[dict[str, Any]] = []
    for index in numbers:
        if time.monotonic() - start > seconds:
            break
        outcome, details, used = worker.judge(data := file_of(seed, index), index % 3 == 0)
        if outcome == CRASH:
            crashes += 1
            guarded = Worker(forks=True)
            outcome, details, used = guarded.judge(data, index % 3 == 0)
            guarded.close()
        outcomes[outcome] += 1
        slowest = max(slowest, used)
        if outcome.startswith("finding"):
            findings.append({"index": index, "what": outcome, "details": details})
            print(f"{index}: {outcome}\n{details}", file=sys.stderr, flush=True)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}_{index}.onnx").write_bytes(data)
        if index % 500 == 499:
            report(_figures(seed, outcomes, findings, crashes, slowest, time.monotonic() - start))
    worker.close()
    return _figures(seed, outcomes, findings, crashes, slowest, time.monotonic() - start)


def _figures(
    seed: int, outcomes: Counter[str], findings: list[Any], crashes: int, slowest: float, seconds: float
) -> dict[str, Any]:
    return {
        "seed": seed,
        "inputs": sum(outcomes.values()),
        "findings": len(findings),
        "loaded": sum(count for name, count in outcomes.items() if not name.startswith(("load", "finding"))),
        "crashes_caught": crashes - outcomes[CRASH],
        "outcomes": dict(sorted(outcomes.items())),
        "slowest_processor_seconds": round(slowest, 1),
        "seconds": round(seconds),
        "found": findings,
    }


def main() -> int:
    """Return 1 when there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="number of inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--keep", type=Path, help="folder for the files of findings")
    parser.add_argument("--summary", type=Path, help="write the JSON here too")
    options = parser.parse_args()

    def report(figures: dict[str, Any]) -> None:
        if options.summary is not None:
            options.summary.write_text(json.dumps(figures, indent=2) + "\n")

    figures = run(
        options.seed, range(options.first, options.first + options.count), options.keep, options.seconds, report
    )
    report(figures)
    print(json.dumps(figures, indent=2))
    return int(figures["findings"] > 0)


if __name__ == "__main__":
    sys.exit(main())

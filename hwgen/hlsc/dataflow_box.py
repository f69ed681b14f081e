# SPDX-License-Identifier: Apache-2.0
"""Black boxes in a dataflow top: their parameters against the C++ declaration, their masters and their control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwgen.hlsc.blackbox import BlackBox, BoxPort
from hwgen.hlsc.body import error
from hwgen.hlsc.dataflow import Argument, Control, Instance, Master
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.interfaces import ADDRESS_BITS, Interfaces, Parameter
from hwgen.hlsc.ir import Loc

_MASTER_BITS = (32, 64, 128, 256, 512, 1024)
_OPTIONS: Mapping[str, tuple[str, str]] = {
    "max_read_burst_length": ("in", "MAX_BURST"),
    "max_write_burst_length": ("out", "MAX_BURST"),
    "num_read_outstanding": ("in", "OUTSTANDING"),
    "num_write_outstanding": ("out", "OUTSTANDING"),
}
"""For each burst argument of m_axi the direction it is for, and the parameter of the module that it sets."""


def as_box(
    instance: Instance,
    box: BlackBox | None,
    parameters: Sequence[Parameter],
    given: Sequence[str | int],
    loc: Loc | None,
) -> Instance:
    """Return an instance with its black box; `given` names the top's parameter, or is a number, for each one.

    Raises
    ------
    HlsError
        When a compiled process has a pointer, or a black box other parameters than its C++ declaration.
    """
    if box is None:
        for other in parameters:
            if other.kind == "memory":
                raise error(
                    loc,
                    f"Process {instance.process} must have streams and scalars alone, and {other.name} is a pointer.",
                    f"Make it a black box ({instance.process}.json), or read the memory in another process.",
                )
        scalars = [(p, value) for p, value in zip(parameters, given, strict=True) if p.kind == "scalar"]
        return replace(instance, arguments={p.name: Argument(p.bits, value) for p, value in scalars})
    declared = [(p.name, p.kind) for p in parameters]
    described = [(p.name, p.kind) for p in box.ports]
    if declared != described:
        rule = f"c_parameters must be those of the C++ declaration of {box.function}, in order"
        said = ", ".join(f"{name} (a {kind})" for name, kind in declared)
        raise HlsError(f"{rule}: {said}.", file=box.origin, fix="Correct c_parameters.")
    widths = {p.name: p.bits for p in parameters}
    arguments = {}
    for known, port, value in zip(parameters, box.ports, given, strict=True):
        if known.kind == "memory" and known.bits not in _MASTER_BITS:
            rule = f"{known.name} must point to words of {', '.join(map(str, _MASTER_BITS))} bits, not {known.bits}."
            raise error(loc, rule, "Widen the word, and divide it in a process.")
        if known.kind == "memory":
            arguments[port.name] = Argument(ADDRESS_BITS, value, known.bits)
        elif known.kind == "scalar":
            arguments[port.name] = Argument(known.bits, value)
    return replace(instance, box=box, values=box.values(widths), arguments=arguments)


def check_modules(top: str, instances: Sequence[Instance], boxes: Mapping[str, BlackBox]) -> None:
    """Refuse modules of one name that are not the same.

    Raises
    ------
    HlsError
        When a black box's module is called as the top, as a compiled process, or as another box's other module.
    """
    compiled = {instance.process for instance in instances if instance.box is None}
    files: dict[str, BlackBox] = {}
    for box in boxes.values():
        clash = ""
        if box.module == top:
            clash = "the top"
        elif box.module in compiled:
            clash = "a compiled process"
        elif box.module in files and files[box.module].files != box.files:
            clash = f"the module of {files[box.module].function}, which has other files"
        if clash:
            rule = f"rtl_top_module_name {box.module} must differ from the name of {clash}."
            raise HlsError(rule, file=box.origin, fix="Rename the module.")
        files[box.module] = box


def _memories(instance: Instance) -> list[BoxPort]:
    return [port for port in instance.box.ports if port.kind == "memory"] if instance.box else []


def with_options(instance: Instance, interfaces: Interfaces) -> Instance:
    """Return an instance whose module has the burst lengths that its master's directive asks for.

    Raises
    ------
    HlsError
        When the module has no such parameter.
    """
    values = dict(instance.values)
    for port in _memories(instance):
        bundle = interfaces.memories.get(str(instance.arguments[port.name].value))
        for key, number in bundle.options.items() if bundle else ():
            direction, name = _OPTIONS[key]
            if direction != port.direction:
                continue
            if name not in values:
                rule = f"rtl_parameters must have {name}, which INTERFACE's {key} sets."
                raise HlsError(rule, file=instance.box.origin if instance.box else "", fix="Remove the argument.")
            values[name] = number
    return replace(instance, values=values)


def masters(instances: Sequence[Instance], interfaces: Interfaces) -> tuple[Master, ...]:
    """Return the AXI4 masters of a top: one for each bundle, with at most one reader and one writer.

    Raises
    ------
    HlsError
        When a bundle has two of them or two widths, or a pointer has no bundle.
    """
    found: dict[str, Master] = {}
    for instance in instances:
        for port in _memories(instance):
            name = instance.arguments[port.name].value
            bundle = interfaces.memories.get(str(name))
            if bundle is None:
                rule = f"Pointer {name} must have INTERFACE m_axi."
                fix = f"Write #pragma HLS INTERFACE mode=m_axi port={name} offset=slave bundle=gmem."
                raise error(instance.loc, rule, fix)
            bits = instance.arguments[port.name].word
            old = found.get(bundle.name, Master(bundle.name, bits, None, None))
            user = (instance.name, port.pins["m_axi"])
            if old.bits != bits or (old.reader if port.direction == "in" else old.writer):
                rule = f"Bundle {bundle.name} must have one reader and one writer, of the same width."
                raise error(instance.loc, rule, f"Give {name} a bundle of its own.")
            reads = port.direction == "in"
            found[bundle.name] = replace(old, reader=user) if reads else replace(old, writer=user)
    return tuple(found.values())


def control(instances: Sequence[Instance], interfaces: Interfaces, loc: Loc | None) -> Control | None:
    """Return the AXI4-Lite slave of a top, None where it has none.

    Raises
    ------
    HlsError
        When a process must be started and nothing starts it, or nothing is there to be started.
    """
    started = [i for i in instances if i.start]
    registers = {register.name for register in interfaces.registers}
    for instance in started:
        if instance.box and not instance.box.done:
            rule = "rtl_done must be given where rtl_start is: it tells when the run is over."
            raise HlsError(rule, file=instance.box.origin, fix="Name the status stream's pins.")
        for field in instance.fields:
            value = instance.arguments[field].value
            if isinstance(value, str) and (value not in registers or not interfaces.control):
                rule = f"{value} must be a register of the top, because {instance.process} takes it at its start."
                mode = (
                    f"m_axi port={value} offset=slave" if instance.arguments[field].word else f"s_axilite port={value}"
                )
                fix = f"Write #pragma HLS INTERFACE mode={mode}, and one of mode=s_axilite for return."
                raise error(instance.loc, rule, fix)
    _nothing_idle(started, interfaces, loc)
    if interfaces.control and not started:
        rule = "s_axilite must control something: no process of this top takes a scalar or an address."
        raise error(loc, rule, "Use ap_ctrl_none, or give the scalars to a process.")
    if started and not interfaces.control:
        rule = f"{started[0].process} must be started by a register."
        raise error(started[0].loc, rule, "Write #pragma HLS INTERFACE mode=s_axilite port=return bundle=control.")
    if not started:
        return None
    return Control(interfaces.control, interfaces.registers, tuple(i.name for i in started))


def _nothing_idle(started: Sequence[Instance], interfaces: Interfaces, loc: Loc | None) -> None:
    """Refuse a register that no process takes."""
    used = {i.arguments[field].value for i in started for field in i.fields}
    for register in interfaces.registers:
        if register.name in used:
            continue
        fix = "Write offset=off." if register.name in interfaces.memories else "Remove the parameter."
        raise error(loc, f"{register.name} must be taken by a process, because it is a register.", fix)

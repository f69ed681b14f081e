# SPDX-License-Identifier: Apache-2.0
"""Every sentence that the project makes about numbers, and the test that holds it; those without one are tested here.

`HELD` names a sentence and its tests elsewhere; a test that is renamed or deleted is missed at once. `LATER` are
sentences about parts that hwgen does not have yet: what it says instead is tested.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ops_source.models import Net, assert_equal, free_run, only, ops, reals

from hwgen.errors import UnsupportedError
from hwgen.frontend.host import observed
from hwgen.frontend.reference import Reference
from hwgen.graph import TensorType, bits_for
from hwgen.graph.types import MAX_BITS
from hwgen.passes import golden
from hwgen.passes.lower import lower

HERE = "differential/test_design_section3.py"
ROOT = Path(__file__).resolve().parent.parent
MACS, MAPS = "ops_source/test_macs.py", "ops_source/test_maps.py"
QUANTISERS, STEPS, GOLDEN = "ops_source/test_quantisers.py", "passes/test_steps.py", "ops/test_golden.py"

HELD: dict[str, list[tuple[str, str]]] = {
    "a hardware edge carries integers of a declared type": [
        (HERE, "test_types_are_the_narrowest"),
        ("differential/test_random_networks.py", "test_golden_equals_onnxruntime"),
    ],
    "csim equals the golden model": [("ops/base.py", "test_compiled_cpp_equals_golden")],
    "golden tensors are in ONNX layout, streams permute": [
        (GOLDEN, "test_a_frame_is_one_vector_in_stream_order"),
        (MAPS, "test_streams_carry_channels_innermost"),
    ],
    "an activation scale for each channel is absorbed or refused": [
        (MACS, "test_an_activation_scale_for_each_channel_is_absorbed_by_the_weights"),
        (MACS, "test_an_activation_scale_that_weights_cannot_absorb_is_refused"),
    ],
    "float32 constants are exact rationals": [
        (QUANTISERS, "test_a_scale_of_many_bits_is_exact"),
        (STEPS, "test_curves_compose_like_their_values"),
        (STEPS, "test_square_roots"),
    ],
    "thresholds are exact for any monotone function": [(STEPS, "test_steps_and_units_equal_the_quantiser")],
    "decreasing channels flip the compare, a zero slope is a constant": [
        (QUANTISERS, "test_batch_normalisation_with_negative_and_zero_gamma"),
        (QUANTISERS, "test_decreasing_channels_in_many_levels"),
        (HERE, "test_a_layer_without_any_live_channel_is_a_constant"),
    ],
    "multiplier and shift are proven, or thresholds take over": [
        (STEPS, "test_multiply_shift_equals_the_steps_everywhere"),
        (STEPS, "test_the_shift_is_the_smallest"),
        (HERE, "test_proofs_hold_for_every_accumulator_value"),
    ],
    "QDQ rounds half to even and saturates": [(QUANTISERS, "test_qdq_rounds_halves_to_even_and_saturates")],
    "QONNX: rounding mode, narrow, signed": [(QUANTISERS, "test_every_rounding_mode")],
    "QDQ saturation is the fused Relu or Clip": [
        (HERE, "test_saturation_at_the_zero_point_is_a_relu"),
        (QUANTISERS, "test_qcdq_clips_inside_the_quantiser_before"),
    ],
    "parity is reported teacher-forced and free-running": [
        ("verify/test_parity.py", "test_teacher_forcing_blames_the_layer_and_free_running_lets_it_drift"),
        ("verify/test_parity_models.py", "test_int8_layers_are_within_one_step"),
    ],
    "a final Softmax never hides the logits": [(MAPS, "test_softmax_belongs_to_the_host_and_hides_no_logits")],
    "Add: one accumulator, one rounding, proven over all pairs": [
        (MAPS, "test_residual_join"),
        (MAPS, "test_a_join_is_proven_over_all_pairs"),
        (HERE, "test_a_join_of_sums_keeps_its_offsets"),
    ],
    "Concat: each branch requantised to the output's type": [
        (HERE, "test_concat_requantises_each_branch_to_the_type_of_the_output"),
        ("ops_source/test_concat.py", "test_channels_with_any_scales_before_a_quantiser"),
    ],
    "average pools: the divisor inside the requantisation, one for each position": [
        (MAPS, "test_average_pool_puts_the_divisor_into_the_requantisation"),
        (HERE, "test_padding_that_does_not_count_has_a_divisor_of_its_own"),
    ],
    "MaxPool commutes with increasing functions only": [
        (MAPS, "test_the_maximum_of_a_decreasing_function_is_that_of_the_integers_turned_over"),
        (MAPS, "test_max_pool_of_accumulators_commutes_with_relu_and_the_quantiser"),
    ],
    "padding: zero point, minimum, bipolar correction, asymmetric": [
        (MACS, "test_conv_pads_with_the_zero_point"),
        (MACS, "test_bipolar_padding_is_corrected"),
        (MAPS, "test_max_pool_pads_with_its_minimum"),
    ],
    "weight zero points take one more bit": [(MACS, "test_non_zero_weight_zero_point_takes_one_more_bit")],
    "a non-integral zero point is refused": [(QUANTISERS, "test_fractional_zero_points_are_refused")],
    "BipolarQuant(0) is +1": [(MACS, "test_bipolar_quant_of_zero_is_plus_one")],
    "ArgMax takes the lowest index": [(MAPS, "test_argmax_takes_the_lowest_index")],
    "Flatten permutes the next weights, another Transpose is a kernel": [
        (MACS, "test_flatten_permutes_the_next_weights"),
        (MAPS, "test_a_transpose_in_the_middle_is_hardware"),
        (HERE, "test_a_map_may_be_looked_at_with_its_channels_last"),
    ],
    "the leading quantiser, a final affine and Softmax belong to the host": [
        (MAPS, "test_a_final_affine_belongs_to_the_host"),
        ("frontend/test_host.py", "test_ports_get_the_quantised_affine"),
    ],
    "uint8 images enter as uint8": [(QUANTISERS, "test_uint8_images_enter_as_uint8")],
    "data have 1 to 16 bits": [
        (QUANTISERS, "test_more_than_sixteen_bits_are_refused"),
        (QUANTISERS, "test_sixteen_bits_are_a_multiply_shift"),
    ],
    "accumulators are sized from the actual weights": [(GOLDEN, "test_accumulators_are_as_wide_as_the_weights_need")],
}

RNG = np.random.default_rng(3)


@cache
def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("sentence", HELD)
def test_every_sentence_has_its_tests(sentence: str) -> None:
    missing = [f"{file}::{name}" for file, name in HELD[sentence] if name not in functions(ROOT / file)]
    assert not missing


def dense(net: Net, x: str, inputs: int, outputs: int) -> str:
    return net.node("MatMul", x, net.weights(RNG.integers(-7, 8, (inputs, outputs)), 0.5))


# Types ---------------------------------------------------------------------------------------------------------------


def test_types_are_the_narrowest() -> None:
    """`bits_for` holds its range, and no format of fewer bits does; one bit is unsigned or bipolar, never {-1, 0}."""
    for low in range(-9, 10):
        for high in range(low, 10):
            signed, bits = bits_for(low, high)
            kind = TensorType((1, 1), signed, bits)
            assert kind.lo <= low and high <= kind.hi and not kind.bipolar
            fewer = [TensorType((1, 1), s, b) for s in (False, True) for b in range(1, bits)]
            assert not [t for t in fewer if not t.bipolar and t.lo <= low and high <= t.hi]
    assert bits_for(-(1 << 63), 0) == (True, MAX_BITS)


def test_bipolar_is_minus_one_and_plus_one() -> None:
    bit = TensorType((1, 3, 2, 2), True, 1)
    assert (bit.bipolar, bit.lo, bit.hi, bit.elements, bit.channels, bit.pixels) == (True, -1, 1, 12, 3, 4)
    assert str(bit) == "bipolar[1, 3, 2, 2]"
    assert not TensorType((1, 3), False, 1).bipolar


# Requantisation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zero", "value"), [(0, 1.75), (0, -100.0), (5, 0.0), (-128, 300.0)])
def test_a_layer_without_any_live_channel_is_a_constant(zero: int, value: float) -> None:
    """gamma = 0 everywhere: the output is what the quantiser makes of beta, at either end of its range too."""
    net = Net((1, 3))
    y = dense(net, net.quant("x", 1.0, 4), 3, 2)
    parts = [net.const(v) for v in ([0.0, 0.0], [value, value], [1.0, 2.0], [1.0, 1.0])]
    y = net.node("BatchNormalization", y, *parts, epsilon=0.0)
    y = net.qdq(y, 0.5, zero)
    assert_equal(net.build(dense(net, y, 2, 2)), reals((6, 3), step=0.5, reach=20))


def test_proofs_hold_for_every_accumulator_value() -> None:
    """Feed one requantisation every integer that its accumulator's type holds, and compare with exact rationals."""
    from fractions import Fraction

    scale_in, scale_out, zero = np.float32(0.0371), np.float32(0.613), -7
    net = Net((1, 2))
    y = net.node("MatMul", net.qdq("x", float(scale_in), 3), net.dq_weights(RNG.integers(-99, 99, (2, 1)), 0.02))
    lowered = lower(net.build(net.qdq(y, float(scale_out), zero)))
    node = only(lowered, "requantise")
    kind = lowered.graph.types[node.inputs[0]]
    every = np.arange(kind.lo, kind.hi + 1).reshape(-1, 1)
    got = golden.evaluate(lowered.graph, {node.inputs[0]: every}, [node.outputs[0]])[node.outputs[0]].reshape(-1)
    known = lowered.proofs[-1].detail.split("inputs ")[1].split(" to ")
    step = Fraction(float(scale_in)) * Fraction(float(np.float32(0.02))) / Fraction(float(scale_out))
    exact = np.array([min(max(round(int(q) * step) + zero, -128), 127) for q in every.reshape(-1)])
    proven = (every.reshape(-1) >= int(known[0])) & (every.reshape(-1) <= int(known[1]))
    assert proven.sum() > 1000
    np.testing.assert_array_equal(got[proven], exact[proven])


def test_saturation_at_the_zero_point_is_a_relu() -> None:
    """A Relu in front of a quantiser whose smallest integer is its zero point changes nothing, and costs nothing."""
    graphs = []
    for relu in (False, True):
        rng = np.random.default_rng(5)
        net = Net((1, 6))
        y = net.node("MatMul", net.qdq("x", 0.5, 0), net.dq_weights(rng.integers(-99, 99, (6, 4)), 0.25))
        y = net.node("Relu", y) if relu else y
        y = net.qdq(y, 2.0, -128)
        y = net.node("MatMul", y, net.dq_weights(rng.integers(-99, 99, (4, 2)), 0.5))
        graphs.append(assert_equal(net.build(y), reals((30, 6), step=0.5)).graph)
    plain, fused = graphs
    assert [n.op for n in plain.nodes] == [n.op for n in fused.nodes] == ["matvec", "requantise", "matvec"]
    assert all(np.array_equal(a, b) for a, b in zip(plain.constants.values(), fused.constants.values(), strict=True))


def test_a_clip_beyond_the_range_is_a_constant() -> None:
    """The clip of a QCDQ model that lets nothing through but its bound."""
    net = Net((1, 2))
    y = net.node("MatMul", net.qdq("x", 1.0, 0), net.dq_weights([[1, 0], [0, 1]]))
    q = net.q(net.node("Relu", y), 1.0, 50)
    q = net.node("Clip", q, net.const(-20, np.int8), net.const(30, np.int8))
    y = net.node("MatMul", net.dq(q, 1.0, 50), net.dq_weights([[1, 2], [3, 4]]))
    assert_equal(net.build(y), reals((9, 2), step=1.0, reach=90))


# Joins and pools -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["Add", "Sub"])
def test_a_join_at_the_output_has_the_offsets_of_both_zero_points(op: str) -> None:
    net = Net((1, 4))
    a = net.qdq("x", 0.5, 20)
    b = net.qdq(net.node("MatMul", a, net.dq_weights(RNG.integers(-9, 9, (4, 4)))), 2.0, -31)
    model = net.build(net.node(op, a, b))
    lowered, ours, theirs = free_run(model, reals((20, 4), step=0.5))
    np.testing.assert_array_equal(ours, theirs)
    assert "add" in ops(lowered)
    seen = observed(lowered, Reference(model), {"x": reals((20, 4), step=0.5)})
    run = golden.run(lowered.graph, {o.tensor: seen[o.tensor] for o in lowered.inputs})
    for output in lowered.outputs:
        np.testing.assert_array_equal(run[output.tensor], seen[output.tensor])


def test_a_join_of_sums_keeps_its_offsets() -> None:
    """A bias off the accumulator's grid differs from channel to channel; the join takes it to the quantiser."""
    net = Net((1, 3, 4, 4))
    a = net.quant("x", 0.5, 4)
    bias = net.const([0.0625, -0.375, 1.8125])
    y = net.node("Conv", a, net.weights(RNG.integers(-3, 4, (3, 3, 1, 1)), 0.5), bias)
    assert_equal(net.build(net.quant(net.node("Add", y, a), 1.0, 5)), reals((9, 3, 4, 4), step=0.25, reach=20))


def test_joins_need_one_scale_for_all_channels() -> None:
    net = Net((1, 2, 4, 4))
    a = net.quant("x", 0.5, 4)
    w = net.weights(RNG.integers(-3, 4, (2, 2, 1, 1)), np.array([0.5, 0.75]).reshape(2, 1, 1, 1))
    y = net.quant(net.node("Add", net.node("Conv", a, w), a), 1.0, 5)
    with pytest.raises(UnsupportedError, match=r"The inputs of Add must each have one scale for all channels"):
        lower(net.build(y))


def test_padding_that_does_not_count_has_a_divisor_of_its_own() -> None:
    """Corners hold 1 of 4 pixels, edges 2: the common divisor is 4 and the factors are 4, 2 and 1."""
    net = Net((1, 1, 3, 3))
    y = net.node("AveragePool", net.qdq("x", 1.0, 7), kernel_shape=(2, 2), pads=(1, 1, 1, 1), count_include_pad=0)
    lowered = assert_equal(net.build(net.qdq(y, 0.25, 0)), reals((20, 1, 3, 3), step=1.0, reach=120))
    factors = lowered.graph.constant(only(lowered, "pool"), "multiplier").reshape(4, 4)
    assert factors.tolist() == [[4, 2, 2, 4], [2, 1, 1, 2], [2, 1, 1, 2], [4, 2, 2, 4]]


@pytest.mark.parametrize("op", ["AveragePool", "GlobalAveragePool"])
def test_bipolar_maps_are_averaged(op: str) -> None:
    net = Net((1, 2, 4, 4))
    w = net.weights(RNG.integers(-3, 4, (2, 2, 1, 1)))
    y = net.quant(net.node("Conv", net.quant("x", 1.0, 4), w), 1.0, 1)
    attrs = {} if op == "GlobalAveragePool" else {"kernel_shape": (2, 2), "pads": (1, 1, 0, 0), "count_include_pad": 1}
    lowered = assert_equal(net.build(net.quant(net.node(op, y, **attrs), 0.25, 4)), reals((9, 2, 4, 4), reach=30))
    assert any(kind.bipolar for kind in lowered.graph.types.values())


# Layout --------------------------------------------------------------------------------------------------------------


def test_a_map_may_be_looked_at_with_its_channels_last() -> None:
    """An input in NCHW that a product over channels reads through a Transpose: the port stays NCHW."""
    net = Net((1, 3, 2, 5))
    y = net.node("Transpose", net.quant("x", 1.0, 4), perm=(0, 2, 3, 1))
    y = net.quant(dense(net, y, 3, 4), 1.0, 6)
    y = net.node("Transpose", y, perm=(0, 3, 1, 2))
    lowered = assert_equal(net.build(net.node("GlobalAveragePool", y)), reals((5, 3, 2, 5), step=0.5, reach=20))
    assert lowered.graph.types[lowered.graph.inputs[0]].shape == (1, 3, 2, 5)


def test_a_map_of_one_pixel_stays_a_map() -> None:
    net = Net((1, 3, 2, 2))
    y = net.quant(net.node("GlobalAveragePool", net.quant("x", 1.0, 4)), 0.25, 6)
    y = net.quant(dense(net, net.node("Transpose", y, perm=(0, 2, 3, 1)), 3, 4), 1.0, 6)
    y = net.node("Transpose", y, perm=(0, 3, 1, 2))
    y = net.node("Conv", y, net.weights(RNG.integers(-3, 4, (2, 4, 1, 1))))
    assert_equal(net.build(y), reals((5, 3, 2, 2), step=1.0, reach=8))


# Concat: each branch requantised to the output's type -----------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 6])
def test_concat_requantises_each_branch_to_the_type_of_the_output(bits: int) -> None:
    """Scales and widths of the branches differ; the quantiser behind is applied exactly to both."""
    net = Net((1, 4))
    x = net.quant("x", 1.0, 4)
    y = net.quant(dense(net, x, 4, 4), 0.25, 6)
    y = net.quant(net.node("Concat", x, y, axis=1), 0.5, bits)
    assert_equal(net.build(dense(net, y, 8, 2)), reals((5, 4), step=1.0, reach=8))

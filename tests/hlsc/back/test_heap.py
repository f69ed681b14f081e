# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import random

import pytest

from hwgen.hlsc.back.heap import Chain, Heap, digits


class Numbers:
    """Builds chains of numbers 0 and 1, told by their names: the position in `bits`."""

    def __init__(self, bits: list[int]) -> None:
        self.bits = bits

    def build(self, chain: Chain) -> list[int]:
        total, place = 0 if chain.carry is None else self.bits[chain.carry.value], 0
        for block in chain.blocks:
            assert len(block.inputs) <= 5
            assert block.constant + sum(weight for _, weight in block.inputs) < 1 << len(block.rows)
            total += block.constant << place
            total += sum((self.bits[b.value] ^ b.inverted) * weight << place for b, weight in block.inputs)
            total += sum(self.bits[b.value] << place + i for i, b in enumerate(block.rows) if b is not None)
            place += len(block.rows)
        assert total <= chain.most
        self.bits += [total >> i & 1 for i in range(chain.most.bit_length())]
        return [*range(len(self.bits) - chain.most.bit_length(), len(self.bits))]


@pytest.mark.parametrize("seed", range(60))
def test_a_heap_adds_modulo_its_width(seed):
    rng = random.Random(seed)
    size, width = rng.choice((2, 4, 9)), rng.randint(1, 20)
    weights = [rng.randint(-(1 << size), 1 << size) for _ in range(rng.randint(1, 80))]
    constant = rng.randint(-5000, 5000)
    for _ in range(5):
        bits = [rng.randint(0, 1) for _ in weights]
        numbers = Numbers([1, *bits])
        heap = Heap(width, 6, 0, numbers.build)
        heap.constant = constant
        heap.add_all({i + 1: w for i, w in enumerate(weights) if w})
        found = [0 if x is None else numbers.bits[x.value] ^ x.inverted for x in heap.reduce()]
        expected = constant + sum(w * b for w, b in zip(weights, bits, strict=True))
        assert sum(bit << i for i, bit in enumerate(found)) == expected % (1 << width)


def test_a_sum_of_64_products_of_four_bits_takes_less_than_four_luts_a_product():
    rng = random.Random(1)
    weights = {4 * k + i: rng.randint(1, 7) << i for k in range(64) for i in range(4)}
    heap = Heap(14, 6, -1, lambda chain: [-2] * chain.most.bit_length())
    heap.add_all(weights)
    heap.reduce()
    assert heap.luts < 64 * 4


def test_signed_digits_are_the_number():
    for number in range(-300, 300):
        places = [place for place, _ in digits(number)]
        assert sum((-1 if negative else 1) << place for place, negative in digits(number)) == number
        assert all(b - a > 1 for a, b in itertools.pairwise(places))

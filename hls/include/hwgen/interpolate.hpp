// SPDX-License-Identifier: Apache-2.0
// Falling functions of a positive integer, by a table and linear interpolation behind its leading one.
#pragma once

#include <hwgen/lanes.hpp>

namespace hwgen {

/// A number shifted left by `zeros`.
template <int kBits>
struct Shifted {
  ap_uint<kBits> value;
  ap_uint<index_bits(kBits)> zeros;
};

/// Shifts a number left by a multiple of kRadix until its first kRadix bits are not all zero. It must not be zero.
template <int kRadix, int kBits>
Shifted<kBits> leading_one_first(const ap_uint<kBits>& x) {
#pragma HLS INLINE
  constexpr int kLevels = clog2(kBits);
  Shifted<kBits> result;
  result.value = x;
  result.zeros = 0;
  for (int level = kLevels - 1; level >= kRadix - 1; --level) {
#pragma HLS UNROLL
    const int step = 1 << level;
    const bool empty = result.value.range(kBits - 1, kBits - step) == 0;
    result.value = empty ? ap_uint<kBits>(result.value << step) : result.value;
    result.zeros[level] = empty;
  }
  return result;
}

/// base[i] - (slope[i] * f >> kFraction), where i are kIndex bits of `top` behind its first kRadix, and f the next
/// kFraction; the table begins where the first kRadix bits are 1.
template <class Out, int kRadix, int kIndex, int kFraction, int kBits, class Base, int kDepth, class Slope>
Out interpolate(const ap_uint<kBits>& top, const Base (&base)[kDepth][1], const Slope (&slope)[kDepth][1]) {
#pragma HLS INLINE
  static_assert(kDepth == ((1 << kRadix) - 1) << kIndex, "the table must cover all mantissas");
  static_assert(kBits >= kRadix + kIndex + kFraction, "the number must have room for the table's address");
  const ap_uint<kRadix + kIndex> head = top.range(kBits - 1, kBits - kRadix - kIndex);
  const ap_uint<kFraction> fraction = top.range(kBits - kRadix - kIndex - 1, kBits - kRadix - kIndex - kFraction);
  const ap_uint<kRadix + kIndex> index = head - (1 << kIndex);
  return base[index][0] - ((slope[index][0] * fraction) >> kFraction);
}

}  // namespace hwgen

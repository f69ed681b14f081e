// SPDX-License-Identifier: Apache-2.0
// One product of an activation and a weight, in the cheapest logic for their formats.
#pragma once

#include <hwgen/lanes.hpp>
#include <hwgen/settings.hpp>

namespace hwgen {

/// Whether products of integers are made of multiplier blocks (DSPs): Cfg::kDsp, false where Cfg does not have it.
template <class Cfg, class = void>
struct UsesDsp {
  static constexpr bool value = false;
};
template <class Cfg>
struct UsesDsp<Cfg, Void<decltype(Cfg::kDsp)>> {
  static constexpr bool value = Cfg::kDsp;
};

/// Products of bipolar (-1/+1, carried as one bit) numbers need no multiplier, but a constant for each output, which
/// the bias table holds already:
///
/// | activation | weight  | term         | shift | bias table holds                    |
/// |------------|---------|--------------|-------|-------------------------------------|
/// | integer    | integer | x * w        | 0     | bias                                |
/// | integer    | bipolar | w ? x : ~x   | 0     | bias + (number of -1 in the row)    |
/// | bipolar    | integer | x ? w : 0    | 1     | bias - (sum of the row)             |
/// | bipolar    | bipolar | ~(x ^ w)     | 1     | bias - (length of the row)          |
///
/// because -x = ~x + 1, (2b - 1) w = 2 b w - w, and -1/+1 products sum to 2 popcount - length. A sum of terms is
/// shifted left by `kShift` before it is accumulated. All of this is modulo 2**bits of the accumulator, so that the
/// table's entry may wrap.
template <class Cfg>
struct Product {
  using in_t = typename Cfg::in_t;
  using weight_t = typename Cfg::weight_t;

  static_assert(!Cfg::kBipolarInput || (bits_of<in_t>() == 1 && !TypeInfo<in_t>::kSigned),
                "a bipolar input must be carried as ap_uint<1>");
  static_assert(!Cfg::kBipolarWeight || (bits_of<weight_t>() == 1 && !TypeInfo<weight_t>::kSigned),
                "a bipolar weight must be stored as ap_uint<1>: 1 for +1, 0 for -1");

  static constexpr int kShift = Cfg::kBipolarInput ? 1 : 0;
  static constexpr bool kInSigned = TypeInfo<in_t>::kSigned;
  static constexpr int kSignBit = kInSigned ? 0 : 1;
  static constexpr bool kSigned = Cfg::kBipolarInput
                                      ? (!Cfg::kBipolarWeight && TypeInfo<weight_t>::kSigned)
                                      : (Cfg::kBipolarWeight || kInSigned || TypeInfo<weight_t>::kSigned);
  static constexpr int kBits = Cfg::kBipolarInput    ? bits_of<weight_t>()
                               : Cfg::kBipolarWeight ? bits_of<in_t>() + kSignBit
                                                     : bits_of<in_t>() + bits_of<weight_t>();
  using term_t = typename Integer<kSigned, kBits>::type;

  static term_t term(const in_t& x, const weight_t& w) {
#pragma HLS INLINE
    if constexpr (Cfg::kBipolarInput && Cfg::kBipolarWeight) {
      return term_t(~(x ^ w));
    } else if constexpr (Cfg::kBipolarInput) {
      return x != 0 ? term_t(w) : term_t(0);
    } else if constexpr (Cfg::kBipolarWeight) {
      const term_t wide = x;
      return w != 0 ? wide : term_t(~wide);
    } else if constexpr (UsesDsp<Cfg>::value) {
      return block(x, w);
    } else {
      return term_t(x * w);
    }
  }

 private:
  static term_t block(const in_t& x, const weight_t& w) {
#pragma HLS INLINE
    const term_t p = x * w;
#pragma HLS BIND_OP variable = p op = mul impl = dsp
    return p;
  }
};

}  // namespace hwgen

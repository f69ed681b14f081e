// SPDX-License-Identifier: Apache-2.0
// A counter 0, 1, .., kCount-1, 0, .. of exactly the bits it needs; none at all for kCount = 1.
#pragma once

#include <hwgen/lanes.hpp>

namespace hwgen {

template <unsigned kCount>
class Counter {
 public:
  static_assert(kCount >= 1, "a counter must have at least one state");

  bool first() const {
#pragma HLS INLINE
    return kCount == 1 || value_ == 0;
  }

  bool last() const {
#pragma HLS INLINE
    return kCount == 1 || value_ == kCount - 1;
  }

  /// The value as an array index.
  unsigned index() const {
#pragma HLS INLINE
    return kCount == 1 ? 0U : value_.to_uint();
  }

  /// Goes to the next value if `enable`. A count that fills its bits wraps by itself.
  void step(bool enable = true) {
#pragma HLS INLINE
    if constexpr (kCount > 1) {
      if (enable) {
        const Value next = value_ + 1;
        const bool wraps = (kCount & (kCount - 1)) != 0 && last();
        value_ = wraps ? Value(0) : next;
      }
    }
  }

 private:
  using Value = ap_uint<index_bits(kCount)>;
  Value value_ = 0;
};

}  // namespace hwgen

// SPDX-License-Identifier: Apache-2.0
// Widths of types, and access to the lanes of a stream word: lane 0 sits in the lowest bits.
#pragma once

#include <ap_int.h>

namespace hwgen {

/// Bits that count 0 .. n-1: 0 for n = 1.
constexpr int clog2(unsigned long long n) {
  int bits = 0;
  while ((1ULL << bits) < n) ++bits;
  return bits;
}

/// Bits of an index 0 .. n-1 that has to be stored: at least 1.
constexpr int index_bits(unsigned long long n) { return n > 2 ? clog2(n) : 1; }

/// Width of an ap_int or ap_uint, and whether it is signed.
template <class T>
struct TypeInfo;
template <int W>
struct TypeInfo<ap_int<W>> {
  static constexpr int kBits = W;
  static constexpr bool kSigned = true;
};
template <int W>
struct TypeInfo<ap_uint<W>> {
  static constexpr int kBits = W;
  static constexpr bool kSigned = false;
};

template <class T>
constexpr int bits_of() {
  return TypeInfo<T>::kBits;
}

/// The narrower choice between two types by a constant.
template <bool kFirst, class A, class B>
struct Select {
  using type = A;
};
template <class A, class B>
struct Select<false, A, B> {
  using type = B;
};

/// ap_int<W> or ap_uint<W>.
template <bool kSigned, int W>
struct Integer {
  using type = typename Select<kSigned, ap_int<W>, ap_uint<W>>::type;
};

/// Type that holds a sum of `kCount` numbers of `T` exactly.
template <class T, unsigned kCount>
struct SumOf {
  using type = typename Integer<TypeInfo<T>::kSigned, bits_of<T>() + clog2(kCount)>::type;
};

/// Lane `index` of a word, its bits read as a `T`.
template <class T, int kWordBits>
T get_lane(const ap_uint<kWordBits>& word, unsigned index) {
#pragma HLS INLINE
  constexpr int kBits = bits_of<T>();
  const T lane = word.range((index + 1) * kBits - 1, index * kBits);
  return lane;
}

/// Replaces lane `index` of a word by the lowest bits of `value`.
template <class T, int kWordBits>
void set_lane(ap_uint<kWordBits>& word, unsigned index, const T& value) {
#pragma HLS INLINE
  constexpr int kBits = bits_of<T>();
  const ap_uint<kBits> bits = value;
  word.range((index + 1) * kBits - 1, index * kBits) = bits;
}

/// `code` as an out_t; one bit that stands for -1 or +1 becomes that number where out_t has room for it.
template <bool kBipolar, class in_t, class out_t>
out_t widened(const in_t& code) {
#pragma HLS INLINE
  if constexpr (kBipolar && bits_of<out_t>() > 1) {
    return code != 0 ? out_t(1) : out_t(-1);
  } else {
    return out_t(code);
  }
}

}  // namespace hwgen

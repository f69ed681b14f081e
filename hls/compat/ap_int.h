// SPDX-License-Identifier: Apache-2.0
// Arbitrary-precision integers for hwgen's own compiler and C simulation: ap_int<W> and ap_uint<W> over clang's
// _BitInt, with the result widths and signs of AMD's types. Vitis HLS brings its own ap_int.h; this file must never
// be on its include path. Operations that kernels do not need are absent, so that using one is a compile error.
#pragma once

#if !defined(__clang__)
#error "hwgen's ap_int.h needs clang (C++ _BitInt). Use AMD's ap_int.h with other compilers."
#endif

#include "ap_int_operand.h"

#define HWGEN_AP __attribute__((always_inline)) constexpr

template <int W, bool S>
struct ap_int_base {
  static_assert(W >= 1, "the width of an ap_int must be at least 1");
  using Storage = typename hwgen_ap::Raw<W, S>::Storage;
  using Value = typename hwgen_ap::Raw<W, S>::Value;
  static constexpr int width = W;
  static constexpr bool sign_flag = S;

  Storage bits;

  ap_int_base() = default;
  template <class T, class = typename hwgen_ap::Operand<T>::Enable>
  HWGEN_AP ap_int_base(const T& x) : bits(static_cast<Storage>(hwgen_ap::value(x))) {}

  /// The number itself, as a _BitInt of its sign.
  HWGEN_AP Value value() const {
    if constexpr (W == 1 && S) {
      return static_cast<Value>(-static_cast<Value>(bits));
    } else {
      return bits;
    }
  }

  HWGEN_AP operator typename hwgen_ap::Native<W, S>::type() const {
    return static_cast<typename hwgen_ap::Native<W, S>::type>(value());
  }
  HWGEN_AP bool to_bool() const { return bits != 0; }
  HWGEN_AP int to_int() const { return static_cast<int>(value()); }
  HWGEN_AP unsigned to_uint() const { return static_cast<unsigned>(value()); }
  HWGEN_AP long long to_int64() const { return static_cast<long long>(value()); }
  HWGEN_AP unsigned long long to_uint64() const { return static_cast<unsigned long long>(value()); }
  HWGEN_AP int length() const { return W; }

  HWGEN_AP hwgen_ap::RangeRef<W, S> range(int hi, int lo) { return {*this, hi, lo}; }
  HWGEN_AP hwgen_ap::RangeRef<W, S> operator()(int hi, int lo) { return {*this, hi, lo}; }
  HWGEN_AP ap_int_base<W, false> range(int hi, int lo) const { return hwgen_ap::slice(*this, hi, lo); }
  HWGEN_AP ap_int_base<W, false> operator()(int hi, int lo) const { return hwgen_ap::slice(*this, hi, lo); }
  HWGEN_AP hwgen_ap::BitRef<W, S> operator[](int index) { return {*this, index}; }
  HWGEN_AP bool operator[](int index) const { return hwgen_ap::slice(*this, index, index).bits != 0; }

  HWGEN_AP bool or_reduce() const { return bits != 0; }
  HWGEN_AP bool and_reduce() const { return ap_int_base(~*this).bits == 0; }

  HWGEN_AP bool operator!() const { return bits == 0; }
  HWGEN_AP ap_int_base operator+() const { return *this; }
  HWGEN_AP ap_int_base<hwgen_ap::max(W, 1 + S) + 1, true> operator-() const { return ap_int_base<1, false>(0) - *this; }
  HWGEN_AP ap_int_base operator~() const {
    ap_int_base r{};
    r.bits = static_cast<Storage>(~bits);
    return r;
  }
  HWGEN_AP ap_int_base& operator++() { return *this = *this + 1; }
  HWGEN_AP ap_int_base& operator--() { return *this = *this - 1; }
  HWGEN_AP ap_int_base operator++(int) {
    const ap_int_base old = *this;
    *this = *this + 1;
    return old;
  }
  HWGEN_AP ap_int_base operator--(int) {
    const ap_int_base old = *this;
    *this = *this - 1;
    return old;
  }
#define HWGEN_AP_ASSIGN(OP)                                         \
  template <class B, class = typename hwgen_ap::Operand<B>::Enable> \
  HWGEN_AP ap_int_base& operator OP## = (const B& b) {              \
    return *this = ap_int_base(*this OP b);                         \
  }
  HWGEN_AP_ASSIGN(+)
  HWGEN_AP_ASSIGN(-)
  HWGEN_AP_ASSIGN(*)
  HWGEN_AP_ASSIGN(&)
  HWGEN_AP_ASSIGN(|)
  HWGEN_AP_ASSIGN(^)
  HWGEN_AP_ASSIGN(<<)
  HWGEN_AP_ASSIGN(>>)
#undef HWGEN_AP_ASSIGN
};

template <int W>
struct ap_int : ap_int_base<W, true> {
  ap_int() = default;
  template <class T, class = typename hwgen_ap::Operand<T>::Enable>
  HWGEN_AP ap_int(const T& x) : ap_int_base<W, true>(x) {}
};

template <int W>
struct ap_uint : ap_int_base<W, false> {
  ap_uint() = default;
  template <class T, class = typename hwgen_ap::Operand<T>::Enable>
  HWGEN_AP ap_uint(const T& x) : ap_int_base<W, false>(x) {}
};

// Results hold every value exactly: one bit more than the wider operand for sums (a bit more for an unsigned operand
// beside a signed one), the sum of the widths for products; differences are signed.
#define HWGEN_AP_BINARY(OP, WIDTH, SIGN)                                                                  \
  template <class A, class B, class P = hwgen_ap::Pair<A, B>, class = typename P::Enable>                 \
  HWGEN_AP auto operator OP(const A& a, const B& b) {                                                     \
    using R = ap_int_base<WIDTH, SIGN>;                                                                   \
    R r{};                                                                                                \
    r.bits = static_cast<typename R::Storage>(static_cast<typename R::Value>(hwgen_ap::value(a))          \
                                                  OP static_cast<typename R::Value>(hwgen_ap::value(b))); \
    return r;                                                                                             \
  }
HWGEN_AP_BINARY(+, (P::kCommon + 1), P::kSigned)
HWGEN_AP_BINARY(-, (P::kCommon + 1), true)
HWGEN_AP_BINARY(*, (P::kProduct), P::kSigned)
HWGEN_AP_BINARY(&, (P::kCommon), P::kSigned)
HWGEN_AP_BINARY(|, (P::kCommon), P::kSigned)
HWGEN_AP_BINARY(^, (P::kCommon), P::kSigned)
#undef HWGEN_AP_BINARY

#define HWGEN_AP_COMPARE(OP, TYPE)                                                                                   \
  template <class A, class B, class P = hwgen_ap::Pair<A, B>, class = typename P::Enable>                            \
  HWGEN_AP bool operator OP(const A& a, const B& b) {                                                                \
    using C = typename P::TYPE;                                                                                      \
    using V = typename P::Exact;                                                                                     \
    return static_cast<C>(static_cast<V>(hwgen_ap::value(a))) OP static_cast<C>(static_cast<V>(hwgen_ap::value(b))); \
  }
HWGEN_AP_COMPARE(==, Equality)
HWGEN_AP_COMPARE(!=, Equality)
HWGEN_AP_COMPARE(<, Order)
HWGEN_AP_COMPARE(<=, Order)
HWGEN_AP_COMPARE(>, Order)
HWGEN_AP_COMPARE(>=, Order)
#undef HWGEN_AP_COMPARE

/// A shift keeps the type of its left operand; an amount of its width or more shifts everything out, and a negative
/// amount shifts the other way.
template <int W, bool S, class B, class = typename hwgen_ap::Operand<B>::Enable>
HWGEN_AP ap_int_base<W, S> operator<<(const ap_int_base<W, S>& a, const B& amount) {
  return hwgen_ap::shift<true>(a, amount);
}
template <int W, bool S, class B, class = typename hwgen_ap::Operand<B>::Enable>
HWGEN_AP ap_int_base<W, S> operator>>(const ap_int_base<W, S>& a, const B& amount) {
  return hwgen_ap::shift<false>(a, amount);
}

/// Concatenation: (high, low).
template <int W1, bool S1, int W2, bool S2>
HWGEN_AP ap_int_base<W1 + W2, false> operator,(const ap_int_base<W1, S1>& high, const ap_int_base<W2, S2>& low) {
  using U = unsigned _BitInt(W1 + W2);
  ap_int_base<W1 + W2, false> r{};
  r.bits = (static_cast<U>(static_cast<unsigned _BitInt(W1)>(high.bits)) << W2) |
           static_cast<U>(static_cast<unsigned _BitInt(W2)>(low.bits));
  return r;
}

#undef HWGEN_AP

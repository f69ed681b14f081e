// SPDX-License-Identifier: Apache-2.0
// Parts of ap_int.h: what may stand beside an operator, and references to ranges and single bits.
#pragma once

template <int W>
struct ap_int;
template <int W>
struct ap_uint;
template <int W, bool S>
struct ap_int_base;

#define HWGEN_AP __attribute__((always_inline)) constexpr

namespace hwgen_ap {

/// Memory form and value form of an integer; clang has no signed _BitInt(1), so that one computes in two bits.
template <int W, bool S>
struct Raw {
  using Storage = signed _BitInt(W);
  using Value = Storage;
};
template <int W>
struct Raw<W, false> {
  using Storage = unsigned _BitInt(W);
  using Value = Storage;
};
template <>
struct Raw<1, true> {
  using Storage = unsigned _BitInt(1);
  using Value = signed _BitInt(2);
};

constexpr int max(int a, int b) { return a > b ? a : b; }

/// The C type that an integer converts to implicitly: the smallest that holds it, at most 64 bits.
template <int kBytes, bool S>
struct NativeBytes {
  using type = long long;
};
// clang-format off
template <> struct NativeBytes<1, true> { using type = signed char; };
template <> struct NativeBytes<2, true> { using type = short; };
template <> struct NativeBytes<3, true> { using type = int; };
template <> struct NativeBytes<4, true> { using type = int; };
template <> struct NativeBytes<1, false> { using type = unsigned char; };
template <> struct NativeBytes<2, false> { using type = unsigned short; };
template <> struct NativeBytes<3, false> { using type = unsigned int; };
template <> struct NativeBytes<4, false> { using type = unsigned int; };
// clang-format on
template <int kBytes>
struct NativeBytes<kBytes, false> {
  using type = unsigned long long;
};
template <int W, bool S>
struct Native : NativeBytes<(W + 7) / 8, S> {};

template <int W, bool S>
struct RangeRef;
template <int W, bool S>
struct BitRef;

/// What may be an operand: our integers, references into them, and C's integers.
template <class T>
struct Operand {};
template <int W, bool S, bool kIsAp>
struct OperandOf {
  using Enable = void;
  static constexpr int kWidth = W;
  static constexpr bool kSigned = S;
  static constexpr bool kAp = kIsAp;
};
// clang-format off
template <int W, bool S> struct Operand<ap_int_base<W, S>> : OperandOf<W, S, true> {};
template <int W> struct Operand<ap_int<W>> : OperandOf<W, true, true> {};
template <int W> struct Operand<ap_uint<W>> : OperandOf<W, false, true> {};
template <int W, bool S> struct Operand<RangeRef<W, S>> : OperandOf<W, false, true> {};
template <int W, bool S> struct Operand<BitRef<W, S>> : OperandOf<1, false, true> {};
template <> struct Operand<bool> : OperandOf<1, false, false> {};
template <> struct Operand<char> : OperandOf<8, true, false> {};
template <> struct Operand<signed char> : OperandOf<8, true, false> {};
template <> struct Operand<unsigned char> : OperandOf<8, false, false> {};
template <> struct Operand<short> : OperandOf<16, true, false> {};
template <> struct Operand<unsigned short> : OperandOf<16, false, false> {};
template <> struct Operand<int> : OperandOf<32, true, false> {};
template <> struct Operand<unsigned> : OperandOf<32, false, false> {};
template <> struct Operand<long> : OperandOf<64, true, false> {};
template <> struct Operand<unsigned long> : OperandOf<64, false, false> {};
template <> struct Operand<long long> : OperandOf<64, true, false> {};
template <> struct Operand<unsigned long long> : OperandOf<64, false, false> {};
// clang-format on

template <class T>
HWGEN_AP auto value(const T& x) {
  if constexpr (Operand<T>::kAp) {
    return x.value();
  } else {
    return x;
  }
}

template <bool kTest>
struct Require {};
template <>
struct Require<true> {
  using Enable = void;
};

/// Two operands, at least one of them ours: the widths of their results and the type they are compared in.
template <class A, class B, int WA = Operand<A>::kWidth, int WB = Operand<B>::kWidth>
struct Pair : Require<Operand<A>::kAp || Operand<B>::kAp> {
  static constexpr bool kSignedA = Operand<A>::kSigned;
  static constexpr bool kSignedB = Operand<B>::kSigned;
  static constexpr bool kSigned = kSignedA || kSignedB;
  static constexpr int kCommon = max(WA + (kSignedB && !kSignedA), WB + (kSignedA && !kSignedB));
  static constexpr int kProduct = WA + WB;
  static constexpr int kWidest = max(WA, WB);
  static constexpr bool kMixed = kSignedA != kSignedB;
  static constexpr bool kPromoted = WA < 32 && WB < 32;
  using Exact = signed _BitInt(kWidest + 2);
  // AMD follows C: below 32 bits comparisons are exact. Beyond, where the unsigned operand is not the narrower one, a
  // negative number beside it is a huge one; and equality is that of the lowest bits, unless both are of one width.
  static constexpr bool kHuge = kMixed && !kPromoted && (kSignedA ? WB >= WA : WA >= WB);
  static constexpr bool kLowest = kMixed && !kPromoted && (WA != WB || WA > 64);
  using Order = typename Raw<kWidest + 2, !kHuge>::Value;
  using Equality = unsigned _BitInt(kLowest ? max(kWidest, 32) : kWidest + 2);
};

template <int W, bool S>
HWGEN_AP ap_int_base<W, false> slice(const ap_int_base<W, S>& x, int hi, int lo) {
  using U = unsigned _BitInt(W);
  ap_int_base<W, false> r{};
  r.bits = static_cast<U>(static_cast<U>(x.bits) >> lo) &
           static_cast<U>(static_cast<U>(~static_cast<U>(0)) >> (W - 1 - (hi - lo)));
  return r;
}

/// x.range(hi, lo) of a variable: reads as an unsigned number, assigns to these bits alone.
template <int W, bool S>
struct RangeRef {
  ap_int_base<W, S>& target;
  int hi;
  int lo;

  HWGEN_AP unsigned _BitInt(W) value() const { return slice(target, hi, lo).bits; }
  HWGEN_AP operator ap_int_base<W, false>() const { return slice(target, hi, lo); }
  HWGEN_AP int length() const { return hi - lo + 1; }
  template <class T, class = typename Operand<T>::Enable>
  HWGEN_AP RangeRef& operator=(const T& x) {
    using U = unsigned _BitInt(W);
    const U mask = static_cast<U>(static_cast<U>(~static_cast<U>(0)) >> (W - 1 - (hi - lo)));
    const U kept = static_cast<U>(target.bits) & static_cast<U>(~static_cast<U>(mask << lo));
    const U placed = static_cast<U>((static_cast<U>(hwgen_ap::value(x)) & mask) << lo);
    target.bits = static_cast<typename ap_int_base<W, S>::Storage>(kept | placed);
    return *this;
  }
  HWGEN_AP RangeRef& operator=(const RangeRef& x) { return *this = ap_int_base<W, false>(x); }
};

/// x[index] of a variable.
template <int W, bool S>
struct BitRef {
  ap_int_base<W, S>& target;
  int index;

  HWGEN_AP unsigned _BitInt(1) value() const {
    return static_cast<unsigned _BitInt(1)>(slice(target, index, index).bits);
  }
  HWGEN_AP operator bool() const { return value() != 0; }
  HWGEN_AP BitRef& operator=(bool x) {
    RangeRef<W, S>{target, index, index} = x;
    return *this;
  }
  HWGEN_AP BitRef& operator=(const BitRef& x) { return *this = static_cast<bool>(x); }
};

template <bool kLeft, int W, bool S, class B>
HWGEN_AP ap_int_base<W, S> shift(const ap_int_base<W, S>& a, const B& amount) {
  using R = ap_int_base<W, S>;
  using V = typename R::Value;
  if constexpr (Operand<B>::kSigned) {
    if (hwgen_ap::value(amount) < 0) {
      return shift<!kLeft>(a, static_cast<unsigned>(-static_cast<long long>(hwgen_ap::value(amount))));
    }
  }
  const unsigned count = static_cast<unsigned>(hwgen_ap::value(amount));
  const V x = a.value();
  const V all = static_cast<V>(x < 0 ? V(-1) : V(0));
  R r{};
  if constexpr (kLeft) {
    r.bits = static_cast<typename R::Storage>(count < W ? static_cast<V>(x << count) : V(0));
  } else {
    r.bits = static_cast<typename R::Storage>(count < W ? static_cast<V>(x >> count) : all);
  }
  return r;
}

}  // namespace hwgen_ap

#undef HWGEN_AP

// SPDX-License-Identifier: Apache-2.0
// What a stream carries for an element of type T: an integer as it is, a struct as one word with its first member in
// the lowest bits, members and elements of arrays side by side without padding. Members are integers, enumerations,
// arrays of members, or such structs. The text of an assertion is "hwgen: rule|fix", which error messages repeat.
#pragma once

#include "ap_int.h"

#define HWGEN_WORD __attribute__((always_inline)) inline

namespace hwgen_word {

/// An integer's or enumeration's width, 0 for every other type; whether it is one of ap_int.h's.
template <class T, class = void>
struct Integer {
  static constexpr int kBits = 0;
  static constexpr bool kAp = false;
};
template <class T>
struct Integer<T, typename hwgen_ap::Operand<T>::Enable> {
  static constexpr int kBits = hwgen_ap::Operand<T>::kWidth;
  static constexpr bool kAp = hwgen_ap::Operand<T>::kAp;
};
template <class T, bool kEnum = __is_enum(T)>
struct Scalar : Integer<T> {};
template <class T>
struct Scalar<T, true> : Integer<__underlying_type(T)> {};

template <int W>
struct Bits {
  static constexpr int value = W;
};

#if __clang_major__ < 21
template <class T>
Bits<1> measure(T&) {
  static_assert(sizeof(T) == 0,
                "hwgen: A struct in a stream must be compiled by clang 21 or later.|Install the "
                "ziglang wheel, or pack the members into an ap_uint.");
  return {};
}
template <class T, class Raw>
HWGEN_WORD void pack(const T&, Raw&, int&) {}
template <class T, class Raw>
HWGEN_WORD void unpack(T&, const Raw&, int&) {}
#else

/// The width of `x`; only the type that it returns is used.
template <class T>
auto measure(T& x) {
  static_assert(!__is_const(T), "hwgen: A struct in a stream must have members that can be set.|Leave out const.");
  static_assert(!__is_union(T),
                "hwgen: A struct in a stream must not contain a union.|Use an ap_uint, and its ranges.");
  static_assert(!__is_pointer(T), "hwgen: A struct in a stream must not contain a pointer.|Send what it points to.");
  static_assert(!__is_floating_point(T),
                "hwgen: A struct in a stream must not contain a floating-point number.|Use an ap_int in fixed point.");
  if constexpr (Scalar<T>::kBits > 0) {
    return Bits<Scalar<T>::kBits>{};
  } else if constexpr (__is_class(T) || __is_array(T)) {
    auto& [... member] = x;
    return Bits<(decltype(hwgen_word::measure(member))::value + ... + 0)>{};
  } else {
    return Bits<1>{};
  }
}

/// Put `x` into `word` from bit `at` on, and move `at` past it.
template <class T, class Raw>
HWGEN_WORD void pack(const T& x, Raw& word, int& at) {
  if constexpr (constexpr int kBits = Scalar<T>::kBits; kBits > 0) {
    using Part = unsigned _BitInt(kBits);
    if constexpr (!Scalar<T>::kAp) {
      word |= static_cast<Raw>(static_cast<Part>(x)) << at;
    } else {
      word |= static_cast<Raw>(static_cast<Part>(x.bits)) << at;
    }
    at += kBits;
  } else {
    const auto& [... member] = x;
    (hwgen_word::pack(member, word, at), ...);
  }
}

/// Take `x` from bit `at` of `word` on, and move `at` past it.
template <class T, class Raw>
HWGEN_WORD void unpack(T& x, const Raw& word, int& at) {
  if constexpr (constexpr int kBits = Scalar<T>::kBits; kBits > 0) {
    const auto part = static_cast<unsigned _BitInt(kBits)>(word >> at);
    if constexpr (!Scalar<T>::kAp) {
      x = static_cast<T>(part);
    } else {
      x.bits = static_cast<typename T::Storage>(part);
    }
    at += kBits;
  } else {
    auto& [... member] = x;
    (hwgen_word::unpack(member, word, at), ...);
  }
}
#endif

/// How a stream of T holds a word: in `Raw`, accessed as a whole.
template <class T, bool kAp = Integer<T>::kAp>
struct Word {
  static constexpr int kBits = decltype(hwgen_word::measure(*static_cast<T*>(nullptr)))::value;
  static_assert(kBits > 0, "hwgen: A struct in a stream must have members.|Add one.");
  using Raw = unsigned _BitInt(kBits > 0 ? kBits : 1);

  HWGEN_WORD static void load(T& x, const volatile Raw& from) {
    const Raw word = from;
    int at = 0;
    hwgen_word::unpack(x, word, at);
  }
  HWGEN_WORD static void store(volatile Raw& to, const T& x) {
    Raw word = 0;
    int at = 0;
    hwgen_word::pack(x, word, at);
    to = word;
  }
  /// Emitted wherever a stream of T is named: the compiler reads the width there.
  __attribute__((used)) static int hwgen_bits() { return kBits; }
};
template <class T>
struct Word<T, true> {
  using Raw = typename T::Storage;
  HWGEN_WORD static void load(T& x, const volatile Raw& from) { x.bits = from; }
  HWGEN_WORD static void store(volatile Raw& to, const T& x) { to = x.bits; }
};

}  // namespace hwgen_word

#undef HWGEN_WORD

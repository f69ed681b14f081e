// SPDX-License-Identifier: Apache-2.0
// Every operation of ap_int/ap_uint that hwgen's header offers, on two operands: results go to a stream with their
// width and sign. Compiled with hwgen's header and with AMD's, it must write the same words.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

using Out = hls::stream<ap_uint<256>>;

template <int W, bool S>
void emit(Out& out, const ap_int_base<W, S>& x) {
  ap_uint<256> word = 0;
  word.range(W - 1, 0) = ap_int_base<W, false>(x);
  word.range(239, 224) = W;
  word[240] = S;
  out.write(word);
}
inline void emit(Out& out, bool x) {
  ap_uint<256> word = 0;
  word[0] = x;
  word[241] = 1;
  out.write(word);
}
inline void emit(Out& out, long long x) {
  ap_uint<256> word = 0;
  word.range(63, 0) = x;
  word[242] = 1;
  out.write(word);
}

template <class A, class B>
void arithmetic(Out& out, const A& a, const B& b) {
  emit(out, a + b);
  emit(out, a - b);
  emit(out, a * b);
  emit(out, a & b);
  emit(out, a | b);
  emit(out, a ^ b);
  emit(out, a == b);
  emit(out, a != b);
  emit(out, a < b);
  emit(out, a <= b);
  emit(out, a > b);
  emit(out, a >= b);
}

template <class A, class B>
void compound(Out& out, const A& a, const B& b) {
  A r = a;
  r += b;
  emit(out, r);
  r -= a;
  emit(out, r);
  r *= b;
  emit(out, r);
  r ^= a;
  emit(out, r);
  r |= b;
  emit(out, r);
  r &= a;
  emit(out, r);
  emit(out, ++r);
  emit(out, r++);
  emit(out, --r);
  emit(out, r--);
  emit(out, r);
  r = b;
  emit(out, r);
}

template <class A>
void single(Out& out, const A& a) {
  emit(out, -a);
  emit(out, ~a);
  emit(out, +a);
  emit(out, !a);
  emit(out, static_cast<long long>(a.to_int()));
  emit(out, static_cast<long long>(a.to_uint()));
  emit(out, static_cast<long long>(a.to_int64()));
  emit(out, static_cast<long long>(a.to_uint64()));
  emit(out, static_cast<long long>(a));
  emit(out, static_cast<long long>(a.length()));
  emit(out, ap_int<9>(a));
  emit(out, ap_uint<9>(a));
  emit(out, ap_int<1>(a));
  emit(out, ap_uint<1>(a));
  emit(out, ap_int<90>(a));
  emit(out, ap_uint<90>(a));
  emit(out, static_cast<bool>(a.or_reduce()));
  emit(out, static_cast<bool>(a.and_reduce()));
}

template <int W, class A>
void shifts(Out& out, const A& a, int amount, const ap_uint<7>& unsigned_amount, const ap_int<6>& signed_amount) {
  const int legal = amount % W;
  emit(out, a << legal);
  emit(out, a >> legal);
  emit(out, a << static_cast<unsigned>(legal));
  emit(out, a >> static_cast<unsigned>(legal));
  emit(out, a << unsigned_amount);
  emit(out, a >> unsigned_amount);
  emit(out, a << signed_amount);
  emit(out, a >> signed_amount);
  A r = a;
  r <<= legal;
  emit(out, r);
  r = a;
  r >>= legal;
  emit(out, r);
}

template <int W, class A, class B>
void parts(Out& out, const A& a, const B& b, int one, int two) {
  const int hi = one % W > two % W ? one % W : two % W;
  const int lo = one % W > two % W ? two % W : one % W;
  const ap_uint<W> field = a.range(hi, lo);
  emit(out, field);
  const ap_int<W> called = a(hi, lo);
  emit(out, called);
  emit(out, static_cast<bool>(a[lo]));
  A r = a;
  r.range(hi, lo) = b;
  emit(out, r);
  r[hi] = !r[hi];
  emit(out, r);
  r(hi, lo) = 0;
  emit(out, r);
  emit(out, r.range(hi, lo) == 0);
  r[lo] = a[hi];
  emit(out, r);
  const ap_uint<200> both = (a, b);
  emit(out, both);
}

template <class A, class B>
void with_c(Out& out, const A& a, const B& b) {
  const long long wide = b.to_int64();
  const int plain = b.to_int();
  const unsigned natural = b.to_uint();
  arithmetic(out, a, plain);
  arithmetic(out, plain, a);
  arithmetic(out, a, natural);
  arithmetic(out, natural, a);
  arithmetic(out, a, wide);
  arithmetic(out, static_cast<unsigned long long>(wide), a);
  arithmetic(out, a, static_cast<short>(plain));
  arithmetic(out, a, static_cast<unsigned char>(plain));
  arithmetic(out, a, (plain & 1) != 0);
  compound(out, a, plain);
  compound(out, a, natural);
}

/// All operations on operands of the formats A (WA bits) and B (WB bits).
template <class A, int WA, class B, int WB>
void operands(Out& out, const unsigned long long (&random)[64], unsigned pairs) {
  for (unsigned k = 0; k < pairs; ++k) {
    const unsigned long long high = random[(4 * k) % 64], low = random[(4 * k + 1) % 64];
    ap_uint<128> bits = (ap_uint<64>(high), ap_uint<64>(low));
    const A a = bits >> (high % 3 == 0 ? 128 - WA : 0);
    bits = (ap_uint<64>(random[(4 * k + 2) % 64]), ap_uint<64>(random[(4 * k + 3) % 64]));
    const B b = low % 3 == 0 ? B(a) : B(bits);
    arithmetic(out, a, b);
    arithmetic(out, a, a);
    compound(out, a, b);
    single(out, a);
    shifts<WA>(out, a, static_cast<int>(low >> 40), ap_uint<7>(high >> 9), ap_int<6>(high >> 17));
    parts<WA>(out, a, b, static_cast<int>(low >> 33), static_cast<int>(high >> 33));
    with_c(out, a, b);
  }
}

// SPDX-License-Identifier: Apache-2.0
// The two functions of zlib that Verilator's FST writer calls, so that waveforms need no library: a zlib stream of
// stored blocks (RFC 1950, RFC 1951). Its writer takes the plain bytes wherever they are fewer, which they are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>

using Bytef = unsigned char;
using uLong = unsigned long;
using uLongf = unsigned long;
constexpr int Z_OK = 0;
constexpr int Z_BUF_ERROR = -5;

inline uLong compressBound(uLong size) { return size + 5 * (size / 65535 + 1) + 6; }

inline int compress2(Bytef* target, uLongf* length, const Bytef* source, uLong size, int) {
  if (*length < compressBound(size)) return Z_BUF_ERROR;
  Bytef* to = target;
  *to++ = 0x78;
  *to++ = 0x01;
  uLong left = size;
  do {
    const uLong part = left < 65535 ? left : 65535;
    left -= part;
    *to++ = left == 0;
    for (const uLong half : {part, ~part}) {
      *to++ = Bytef(half & 255);
      *to++ = Bytef(half >> 8 & 255);
    }
    to = std::copy_n(source + (size - left - part), part, to);
  } while (left > 0);
  std::uint32_t low = 1, high = 0;
  for (uLong i = 0; i < size; ++i) {
    low = (low + source[i]) % 65521;
    high = (high + low) % 65521;
  }
  for (int shift = 24; shift >= 0; shift -= 8) *to++ = Bytef((high << 16 | low) >> shift & 255);
  *length = uLongf(to - target);
  return Z_OK;
}

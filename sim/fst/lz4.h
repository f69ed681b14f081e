// SPDX-License-Identifier: Apache-2.0
// The two functions of liblz4 that Verilator's FST writer calls, so that waveforms need no library: greedy matches by
// a hash of four bytes. Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace hwgen_lz4 {

constexpr int kMinMatch = 4;
constexpr int kLastLiterals = 5;  // a block ends with as many literals,
constexpr int kLastMatch = 12;    // and its last match begins as far before its end
constexpr int kFarthest = 65535;
constexpr int kHashBits = 14;

inline std::uint32_t word(const std::uint8_t* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A length beyond the 15 that its half of the token holds: bytes of 255, then one less than that.
inline std::uint8_t* put_length(std::uint8_t* to, int length) {
  if (length < 15) return to;
  for (length -= 15; length >= 255; length -= 255) *to++ = 255;
  *to++ = std::uint8_t(length);
  return to;
}

inline std::uint8_t* put_literals(std::uint8_t* to, const std::uint8_t* from, int count, int match_code) {
  *to++ = std::uint8_t((count < 15 ? count : 15) << 4 | (match_code < 15 ? match_code : 15));
  to = put_length(to, count);
  return std::copy_n(from, count, to);
}

}  // namespace hwgen_lz4

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

inline int LZ4_compress_default(const char* source, char* target, int size, int capacity) {
  using namespace hwgen_lz4;
  if (capacity < LZ4_compressBound(size)) return 0;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(source);
  auto* const first = reinterpret_cast<std::uint8_t*>(target);
  std::uint8_t* to = first;
  std::vector<int> seen(std::size_t(1) << kHashBits, -1);
  int begin = 0;  // of the literals that are still to be written
  int at = 0;
  while (at < size - kLastMatch) {
    int& entry = seen[(word(bytes + at) * 2654435761u) >> (32 - kHashBits)];
    const int match = entry;
    entry = at;
    if (match < 0 || at - match > kFarthest || word(bytes + match) != word(bytes + at)) {
      ++at;
      continue;
    }
    int length = kMinMatch;
    while (at + length < size - kLastLiterals && bytes[match + length] == bytes[at + length]) ++length;
    to = put_literals(to, bytes + begin, at - begin, length - kMinMatch);
    *to++ = std::uint8_t((at - match) & 255);
    *to++ = std::uint8_t((at - match) >> 8);
    to = put_length(to, length - kMinMatch);
    begin = at += length;
  }
  to = put_literals(to, bytes + begin, size - begin, 0);
  return int(to - first);
}

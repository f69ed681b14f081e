// SPDX-License-Identifier: Apache-2.0
// hls::stream for hwgen's own compiler and C simulation. A stream is one volatile word: a read is a volatile load, a
// write is a volatile store, and which stream is meant is the pointer to it. LLVM never drops, doubles or reorders
// volatile accesses, so the program's order of stream accesses arrives intact. Never on a Vitis include path.
#pragma once

#include "ap_int.h"
#include "hls_word.h"

/// Whether a word waits on a stream. The compiler makes it the stream's valid signal, C simulation sometimes says no.
extern "C" bool hwgen_stream_waits(const volatile void* stream) noexcept;

namespace hls {

template <class T>
class stream {
 public:
  stream() = default;
  __attribute__((always_inline)) explicit stream(const char*) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  __attribute__((always_inline)) T read() {
    T x;
    Word::load(x, word_);
    return x;
  }
  __attribute__((always_inline)) void read(T& x) { Word::load(x, word_); }
  __attribute__((always_inline)) void write(const T& x) { Word::store(word_, x); }
  __attribute__((always_inline)) void operator>>(T& x) { Word::load(x, word_); }
  __attribute__((always_inline)) void operator<<(const T& x) { Word::store(word_, x); }
  __attribute__((always_inline)) bool empty() const { return !hwgen_stream_waits(this); }
  __attribute__((always_inline)) bool read_nb(T& x) {
    if (!hwgen_stream_waits(this)) return false;
    Word::load(x, word_);
    return true;
  }
  bool full() const {
    static_assert(sizeof(T) == 0,
                  "hwgen: full() must not be called: what is written would depend on how fast the reader is.|Write; a "
                  "write waits until there is room.");
    return false;
  }
  bool write_nb(const T&) {
    static_assert(sizeof(T) == 0,
                  "hwgen: write_nb() must not be called: words would be lost or not by how fast the reader is.|Use "
                  "write(); it waits until there is room.");
    return false;
  }

 private:
  using Word = hwgen_word::Word<T>;
  volatile typename Word::Raw word_;
};

}  // namespace hls

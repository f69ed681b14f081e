// SPDX-License-Identifier: Apache-2.0
// Words of a frame in another order, any of them repeated or left out, through a circular buffer.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// Constants of a walk: six nested counters, kCount0 the outermost. The first kOuter of them move the buffer's base,
/// the others the offset from there.
template <class Cfg>
struct WalkGeometry {
  static constexpr int most(int a, int b) { return a > b ? a : b; }

  /// How far base and offset go when counter `level` steps.
  static constexpr int step(int level) {
    return level == 0   ? int(Cfg::kStep0)
           : level == 1 ? int(Cfg::kStep1)
           : level == 2 ? int(Cfg::kStep2)
           : level == 3 ? int(Cfg::kStep3)
           : level == 4 ? int(Cfg::kStep4)
                        : int(Cfg::kStep5);
  }
  static constexpr int base_step(int level) { return level < int(Cfg::kOuter) ? step(level) : 0; }
  static constexpr int offset_step(int level) { return level < int(Cfg::kOuter) ? 0 : step(level); }

  static constexpr int kMost =
      most(most(most(base_step(0), base_step(1)), most(base_step(2), base_step(3))),
           most(most(base_step(4), base_step(5)), most(int(Cfg::kFrameStep), int(Cfg::kFirst))));
  using held_t = ap_int<clog2(most(int(Cfg::kDepth), kMost) + 1) + 1>;
  using offset_t = ap_uint<index_bits(Cfg::kSpan + 1)>;
  using address_t = ap_uint<index_bits(Cfg::kDepth)>;

  static_assert((Cfg::kDepth & (Cfg::kDepth - 1)) == 0 && Cfg::kDepth >= 2,
                "kDepth must be a power of two, at least 2");
  static_assert(int(Cfg::kDepth) > int(Cfg::kSpan), "kDepth must exceed the greatest offset");
};

/// Where a walk is: six nested counters, none for a count of 1.
template <class Cfg>
class Walk {
 public:
  /// Whether the counters from `level` inwards are at their last values.
  bool done(int level) const {
#pragma HLS INLINE
    return (level > 0 || c0_.last()) && (level > 1 || c1_.last()) && (level > 2 || c2_.last()) &&
           (level > 3 || c3_.last()) && (level > 4 || c4_.last()) && (level > 5 || c5_.last());
  }

  /// The innermost counter.
  unsigned innermost() const {
#pragma HLS INLINE
    return c5_.index();
  }

  /// Steps to the next word.
  void step(bool enable) {
#pragma HLS INLINE
    c0_.step(enable && done(1));
    c1_.step(enable && done(2));
    c2_.step(enable && done(3));
    c3_.step(enable && done(4));
    c4_.step(enable && done(5));
    c5_.step(enable);
  }

 private:
  Counter<Cfg::kCount0> c0_;
  Counter<Cfg::kCount1> c1_;
  Counter<Cfg::kCount2> c2_;
  Counter<Cfg::kCount3> c3_;
  Counter<Cfg::kCount4> c4_;
  Counter<Cfg::kCount5> c5_;
};

/// Cfg: kBits (of an element) kLanes kBeats kFirst kStart kSpan kDepth kOuter kTabled kFrameStep kCount0 .. kCount5
/// kStep0 .. kStep5. kBeats words of a frame come in; the word at address base + offset goes out, for each state of the
/// counters. base begins with kFirst, offset with kStart in each state of the outer counters; kStepK is how far they
/// go when counter K steps and those inside it start again, kFrameStep how far base goes to the next frame. With
/// kTabled the offset is offsets[counter 5][0] instead.
///
/// Every iteration reads a word if one waits and the buffer has room, and writes a word if it was read in an earlier
/// iteration. There is room while the words read from `base` on are fewer than kDepth. Frames follow each other in the
/// buffer: the next one is taken in while this one is written, so that the state is kept between calls, and a call ends
/// when its frame is read and written.
template <class Cfg, int kWordBits, class Offset, int kOffsets>
void rearrange(hls::stream<ap_uint<kWordBits>>& in, hls::stream<ap_uint<kWordBits>>& out,
               const Offset (&offsets)[kOffsets][1]) {
#pragma HLS INLINE
  using G = WalkGeometry<Cfg>;
  static_assert(kWordBits == Cfg::kLanes * Cfg::kBits, "a word must hold kLanes elements of kBits");
  static_assert(!Cfg::kTabled || kOffsets == Cfg::kCount5, "offsets must have one row for each state of counter 5");

  // Invariant: `held` words were read from base on, and `place` is where that one is in the buffer.
  static ap_uint<kWordBits> buffer[Cfg::kDepth];
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p
  static Walk<Cfg> walk;
  static typename G::address_t place = Cfg::kFirst;
  static typename G::offset_t walked = Cfg::kStart;
  static typename G::held_t held = -int(Cfg::kFirst);
#pragma HLS RESET variable = walk
#pragma HLS RESET variable = place
#pragma HLS RESET variable = walked
#pragma HLS RESET variable = held

  bool written = false;
  do {
#pragma HLS PIPELINE II = 1
    const typename G::offset_t offset = Cfg::kTabled ? typename G::offset_t(offsets[walk.innermost()][0]) : walked;
    const bool writes = held > int(offset);
    const bool reads = held < int(Cfg::kDepth) && !in.empty();

    if (writes) {
      const typename G::address_t address = place + offset;
      out.write(buffer[address.to_uint()]);
    }
    if (reads) {
      const typename G::address_t address = place + held;
      buffer[address.to_uint()] = in.read();
    }

    const bool group_done = walk.done(Cfg::kOuter);
    const bool frame_done = walk.done(0);
    int base_step = Cfg::kFrameStep;
    int offset_step = 0;
    for (int level = 0; level < 6; ++level) {
#pragma HLS UNROLL
      const bool steps = !walk.done(level);
      base_step = steps ? G::base_step(level) : base_step;
      offset_step = steps ? G::offset_step(level) : offset_step;
    }
    const int gone = writes && group_done ? base_step : 0;
    held = held + int(reads) - gone;
    place = place + gone;
    if (writes && !Cfg::kTabled) {
      walked = group_done ? int(Cfg::kStart) : int(offset) + offset_step;
    }
    walk.step(writes);
    written = written || (writes && frame_done);
  } while (!written || held < -int(Cfg::kFirst));
}

/// The same without a table.
template <class Cfg, int kWordBits>
void rearrange(hls::stream<ap_uint<kWordBits>>& in, hls::stream<ap_uint<kWordBits>>& out) {
#pragma HLS INLINE
  static const ap_uint<1> kNone[1][1] = {{0}};
  static_assert(!Cfg::kTabled, "a walk with a table must be given one");
  rearrange<Cfg>(in, out, kNone);
}

}  // namespace hwgen

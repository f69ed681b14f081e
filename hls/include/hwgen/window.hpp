// SPDX-License-Identifier: Apache-2.0
// Sliding window: turns a stream of pixels into a stream of kernel taps through a circular line buffer.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/window_geometry.hpp>

namespace hwgen {

/// One input element as an output element, wider if padding needs it.
template <class Cfg>
ap_uint<Cfg::kBits> window_element(const ap_uint<Cfg::kInBits>& code) {
#pragma HLS INLINE
  static_assert(Cfg::kBits >= Cfg::kInBits, "kBits must not be less than kInBits");
  if constexpr (Cfg::kBits == Cfg::kInBits || !Cfg::kSigned) {
    return ap_uint<Cfg::kBits>(code);
  } else if constexpr (Cfg::kInBits == 1) {
    return code != 0 ? ap_uint<Cfg::kBits>(1) : ap_uint<Cfg::kBits>(-1);
  } else {
    return ap_uint<Cfg::kBits>(ap_int<Cfg::kInBits>(code));
  }
}

/// Cfg: kInBits kBits kSigned kLanes kChannels kHeight kWidth kKernelH kKernelW kStrideH kStrideW kPadTop kPadLeft
/// kOutHeight kOutWidth kPadValue kTapsOrder kDepth. A word of `in` holds kLanes channels of kInBits; a word of `out`
/// holds the same lanes of kBits: kInBits, or more where kPadValue does not fit (kSigned extends the sign; a signed bit
/// is bipolar and becomes -1 or +1). Order nhwc: for each output pixel its kernel rows, columns, channel folds. Order
/// taps: for each output pixel its channel folds, kernel rows, columns. With kGroups, order nhwc is that of each group
/// of channels after the other. kDilationH and kDilationW are the rows and columns from one tap to the next, kStorage
/// says where the buffer lives. With kBeside a word of `out` holds that many taps, whole rows of the kernel, the first
/// one lowest, and kLanes are all channels; each tap of a word reads a copy of the buffer. All of these may be left
/// out. Padding holds kPadValue.
///
/// Every iteration reads a word if one waits and the buffer has room, and writes a word if its taps are padding or were
/// read in earlier iterations. There is room while the words read from `base` on, the first tap of the pixel at hand,
/// are fewer than kDepth. Frames follow each other in the buffer: the next one is taken in while this one is written,
/// so that the state is kept between calls, and a call ends when its frame is read and written. The padding of a frame
/// waits for its first word.
template <class Cfg, int kInWidth, int kOutWidth>
void window(hls::stream<ap_uint<kInWidth>>& in, hls::stream<ap_uint<kOutWidth>>& out) {
#pragma HLS INLINE
  using G = WindowGeometry<Cfg>;
  using in_t = ap_uint<Cfg::kInBits>;
  using out_t = ap_uint<Cfg::kBits>;
  static_assert(kInWidth == Cfg::kLanes * Cfg::kInBits, "an input word must hold kLanes elements of kInBits");
  static_assert(kOutWidth == G::kBeside * Cfg::kLanes * Cfg::kBits,
                "an output word must hold kLanes elements of kBits for each of its taps");

  // Invariant: `held` words were read from `base` on, the first tap of the output pixel at hand; `place` is where that
  // one is in the buffer, and `offset` the distance from there to the tap at hand, walked with it or read off counters.
  static ap_uint<kInWidth> buffer[G::kBeside][Cfg::kDepth];
#pragma HLS ARRAY_PARTITION variable = buffer type = complete dim = 1
  if constexpr (StorageOf<Cfg>::value == kKeptInLuts) {
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p impl = lutram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInBlocks) {
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p impl = bram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInUltra) {
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p impl = uram
  } else {
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p
  }
  static Counter<G::kUnit> unit;
  static Counter<G::kInner> inner;
  static Counter<G::kMiddle> middle;
  static Counter<G::kOuter> outer;
  static Counter<Cfg::kOutWidth> column;
  static Counter<Cfg::kOutHeight> row;
  static typename G::address_t place = 0;
  static typename G::offset_t walked = 0;
  static typename G::held_t held = -G::kFirst;
#pragma HLS RESET variable = unit
#pragma HLS RESET variable = inner
#pragma HLS RESET variable = middle
#pragma HLS RESET variable = outer
#pragma HLS RESET variable = column
#pragma HLS RESET variable = row
#pragma HLS RESET variable = place
#pragma HLS RESET variable = walked
#pragma HLS RESET variable = held

  bool written = false;
  do {
#pragma HLS PIPELINE II = 1
    typename G::offset_t offset = walked;
    if constexpr (G::kSideBySide) {
      offset = middle.index() * G::kMiddlePitch + inner.index() * G::kInnerPitch + outer.index();
    }
    bool begun = true;
    if constexpr (G::kPadded) {
      begun = !column.first() || !row.first() || held > -G::kFirst;
    }
    bool padding[G::kBeside];
#pragma HLS ARRAY_PARTITION variable = padding type = complete
    bool writes = true;
    for (int tap = 0; tap < G::kBeside; ++tap) {
#pragma HLS UNROLL
      padding[tap] = false;
      if constexpr (G::kPadded) {
        padding[tap] = G::Columns::outside(column.index(), inner.index() + tap % G::kColumnsBeside) ||
                       G::Rows::outside(row.index(), middle.index() + tap / G::kColumnsBeside);
      }
      writes = writes && (padding[tap] ? begun : held > offset + G::beside(tap));
    }
    const bool reads = held < int(Cfg::kDepth) && !in.empty();

    if (writes) {
      ap_uint<kOutWidth> taps = 0;
      for (int tap = 0; tap < G::kBeside; ++tap) {
#pragma HLS UNROLL
        const typename G::address_t address = place + offset + G::beside(tap);
        const ap_uint<kInWidth> word = buffer[tap][address.to_uint()];
        for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
          const out_t element = window_element<Cfg>(get_lane<in_t>(word, lane));
          set_lane(taps, tap * Cfg::kLanes + lane, padding[tap] ? out_t(Cfg::kPadValue) : element);
        }
      }
      out.write(taps);
    }
    if (reads) {
      const typename G::address_t address = place + held;
      const ap_uint<kInWidth> word = in.read();
      for (int tap = 0; tap < G::kBeside; ++tap) {
#pragma HLS UNROLL
        buffer[tap][address.to_uint()] = word;
      }
    }

    const bool unit_done = unit.last();
    const bool inner_done = unit_done && inner.last();
    const bool middle_done = inner_done && middle.last();
    const bool pixel_done = middle_done && outer.last();
    const bool row_done = column.last();
    const bool frame_done = row_done && row.last();
    const bool moves = writes && pixel_done;
    const int step = frame_done ? G::kFrameStep : row_done ? G::kRowStep : G::kPixelStep;
    const int gone = moves ? step : 0;
    held = held + int(reads) - gone;
    place = place + gone;
    if (writes && !G::kSideBySide) {
      const int by = middle_done  ? G::kOuterStep
                     : inner_done ? G::kMiddleStep
                     : unit_done  ? G::kInnerStep
                                  : G::kUnitStep;
      walked = pixel_done ? 0 : int(offset) + by;
    }
    unit.step(writes);
    inner.step(writes && unit_done);
    middle.step(writes && inner_done);
    outer.step(writes && middle_done);
    column.step(moves);
    row.step(moves && row_done);
    written = written || (moves && frame_done);
  } while (!written || held < -G::kFirst);
}

/// The same taps with whole frames as words: wires. Pixels row by row; in `out` each pixel has its kernel rows,
/// columns, channels, with kGroups those of each group after the other.
///
/// Cfg: as above; kLanes, kTapsOrder and kDepth are not used.
template <class Cfg, int kInWidth, int kOutWidth>
void window_frame(hls::stream<ap_uint<kInWidth>>& in, hls::stream<ap_uint<kOutWidth>>& out) {
#pragma HLS INLINE
  using in_t = ap_uint<Cfg::kInBits>;
  using out_t = ap_uint<Cfg::kBits>;
  constexpr unsigned kGroups = GroupsOf<Cfg>::value;
  constexpr unsigned kPart = Cfg::kChannels / kGroups;
  constexpr unsigned kTaps = Cfg::kKernelH * Cfg::kKernelW;
  constexpr unsigned kElements = Cfg::kOutHeight * Cfg::kOutWidth * kGroups * kTaps * kPart;
  static_assert(kInWidth == Cfg::kHeight * Cfg::kWidth * Cfg::kChannels * Cfg::kInBits, "a word must hold a frame");
  static_assert(kOutWidth == kElements * Cfg::kBits, "a word must hold all taps of all pixels");

  for (unsigned i = 0; i < 1; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInWidth> frame = in.read();
    ap_uint<kOutWidth> taps = 0;
    for (unsigned element = 0; element < kElements; ++element) {
#pragma HLS UNROLL
      const unsigned channel = element % kPart + element / (kPart * kTaps) % kGroups * kPart;
      const unsigned tap = element / kPart % kTaps;
      const unsigned pixel = element / (kPart * kTaps * kGroups);
      const int y = int(pixel / Cfg::kOutWidth * Cfg::kStrideH) - int(Cfg::kPadTop) +
                    int(tap / Cfg::kKernelW) * DilationOf<Cfg>::kRows;
      const int x = int(pixel % Cfg::kOutWidth * Cfg::kStrideW) - int(Cfg::kPadLeft) +
                    int(tap % Cfg::kKernelW) * DilationOf<Cfg>::kColumns;
      const bool inside = y >= 0 && y < int(Cfg::kHeight) && x >= 0 && x < int(Cfg::kWidth);
      const unsigned place = inside ? (unsigned(y) * Cfg::kWidth + unsigned(x)) * Cfg::kChannels + channel : 0U;
      const out_t value = window_element<Cfg>(get_lane<in_t>(frame, place));
      set_lane(taps, element, inside ? value : out_t(Cfg::kPadValue));
    }
    out.write(taps);
  }
}

}  // namespace hwgen

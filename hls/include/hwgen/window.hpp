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
/// kOutHeight kOutWidth kPadValue kTapsOrder kDepth kIterations. A word of `in` holds kLanes channels of kInBits; a
/// word of `out` holds the same lanes of kBits: kInBits, or more where kPadValue does not fit (kSigned extends the
/// sign; a signed bit is bipolar and becomes -1 or +1). Order nhwc: for each output pixel its kernel rows, columns,
/// channel folds. Order taps: for each output pixel its channel folds, kernel rows, columns. Padding holds kPadValue.
///
/// Every iteration reads a word if the frame has one left and the buffer has room, and writes a word if it is padding
/// or was read in an earlier iteration. There is room while the words read from `base` on, the first tap of the pixel
/// at hand, are fewer than kDepth, and always after the last word is written. kIterations is how often that rule has to
/// be applied until a frame is read and written.
template <class Cfg, int kInWidth, int kOutWidth>
void window(hls::stream<ap_uint<kInWidth>>& in, hls::stream<ap_uint<kOutWidth>>& out) {
#pragma HLS INLINE
  using G = WindowGeometry<Cfg>;
  using lead_t = typename G::lead_t;
  using in_t = ap_uint<Cfg::kInBits>;
  using out_t = ap_uint<Cfg::kBits>;
  static_assert(kInWidth == Cfg::kLanes * Cfg::kInBits, "an input word must hold kLanes elements of kInBits");
  static_assert(kOutWidth == Cfg::kLanes * Cfg::kBits, "an output word must hold kLanes elements of kBits");

  ap_uint<kInWidth> buffer[Cfg::kDepth];
#pragma HLS BIND_STORAGE variable = buffer type = ram_s2p
  Counter<G::kInner> inner;
  Counter<G::kMiddle> middle;
  Counter<G::kOuter> outer;
  typename G::column_t column = G::kFirstColumn;
  typename G::row_t row = G::kFirstRow;
  typename G::total_t count = 0;
  lead_t ahead = -G::kFirst;
  lead_t held = -G::kFirst;
  bool finished = false;

  // Invariant: count words were read; held = count - base, ahead = count - need; word n of the frame is buffer[n mod
  // kDepth] for base <= n < count; column and row are those of the first tap of the output pixel.
  for (unsigned i = 0; i < Cfg::kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    bool padding = false;
    if constexpr (G::kPadded) {
      const typename G::column_t tap_column = column + inner.index();
      const typename G::row_t tap_row = row + middle.index();
      padding = tap_column < 0 || tap_column >= G::kColumnEnd || tap_row < 0 || tap_row >= int(Cfg::kHeight);
    }
    const bool reads = count != G::kTotal && (finished || held < int(Cfg::kDepth));
    const bool writes = !finished && (padding || ahead > 0);

    if (writes) {
      const typename G::address_t address = count - ahead;
      const ap_uint<kInWidth> word = buffer[address.to_uint()];
      ap_uint<kOutWidth> taps = 0;
      for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
        const out_t element = window_element<Cfg>(get_lane<in_t>(word, lane));
        set_lane(taps, lane, padding ? out_t(Cfg::kPadValue) : element);
      }
      out.write(taps);
    }
    if (reads) {
      const typename G::address_t address = count;
      buffer[address.to_uint()] = in.read();
    }

    const bool inner_done = inner.last();
    const bool middle_done = inner_done && middle.last();
    const bool pixel_done = middle_done && outer.last();
    const bool row_done = column == G::kLastColumn;
    const lead_t base_step = row_done ? lead_t(G::kRowStep) : lead_t(G::kPixelStep);
    const lead_t held_then = held + ap_uint<1>(reads);
    const lead_t held_moved = held_then - base_step;
    const lead_t need_step = middle_done  ? lead_t(G::kOuterStep)
                             : inner_done ? lead_t(G::kMiddleStep)
                                          : lead_t(G::kInnerStep);
    const lead_t ahead_then = ahead + ap_uint<1>(reads);
    const bool moves = writes && pixel_done;
    held = moves ? held_moved : held_then;
    ahead = moves ? held_moved : writes ? lead_t(ahead_then - need_step) : ahead_then;
    count = count + ap_uint<1>(reads);
    inner.step(writes);
    middle.step(writes && inner_done);
    outer.step(writes && middle_done);
    if (moves) {
      finished = row_done && row == G::kLastRow;
      row = row_done ? typename G::row_t(row + int(Cfg::kStrideH)) : row;
      column = row_done ? typename G::column_t(G::kFirstColumn) : typename G::column_t(column + G::kColumnStep);
    }
  }
}

}  // namespace hwgen

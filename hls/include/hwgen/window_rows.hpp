// SPDX-License-Identifier: Apache-2.0
// Sliding window with all taps in a word: rows wait in one memory, columns of taps behind it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/window.hpp>

namespace hwgen {

/// When a window leaves, counted in words from the start of its frame. A word has a fold of the channels of a pixel, or
/// kTogether pixels whole: as many as windows are apart, so that the map is one of words with a stride of one.
template <class Cfg>
struct RowsGeometry {
  static constexpr int kTogether = TogetherOf<Cfg>::value;
  static constexpr int kFolds = int(Cfg::kChannels) / int(Cfg::kLanes);
  static constexpr int kWidth = int(Cfg::kWidth) / kTogether;
  static constexpr int kRow = kWidth * kFolds;
  static constexpr int kTotal = int(Cfg::kHeight) * kRow;
  static constexpr int kKernelH = int(Cfg::kKernelH), kKernelW = int(Cfg::kKernelW);
  static constexpr int kStrideH = int(Cfg::kStrideH), kStrideW = int(Cfg::kStrideW) / kTogether;
  static constexpr int kOutHeight = int(Cfg::kOutHeight), kOutWidth = int(Cfg::kOutWidth);
  // Words to the left of a window's own that it begins in, and where in its words a column of its taps is.
  static constexpr int kBefore = (int(Cfg::kPadLeft) + kTogether - 1) / kTogether;
  static constexpr int word_of(int across) { return (across - int(Cfg::kPadLeft) + kBefore * kTogether) / kTogether; }
  static constexpr int pixel_of(int across) { return (across - int(Cfg::kPadLeft) + kBefore * kTogether) % kTogether; }
  static constexpr int kWords = word_of(kKernelW - 1) + 1;
  // Words before the first window's last tap; what follows is a map of kWidth columns in which the windows lie.
  static constexpr int kSkip = (kKernelH - 1 - int(Cfg::kPadTop)) * kRow + (kWords - 1 - kBefore) * kFolds;
  static constexpr int kLast = kSkip + (kOutHeight - 1) * kStrideH * kRow + ((kOutWidth - 1) * kStrideW + 1) * kFolds;
  static constexpr int kIterations = larger(kTotal, kLast);
  static constexpr int kRows = (kIterations - kSkip - 1) / kRow + 1;

  using Columns = WindowAxis<kOutWidth, int(Cfg::kStrideW), int(Cfg::kPadLeft), kKernelW, int(Cfg::kWidth), 1, 1>;
  using Rows = WindowAxis<kOutHeight, kStrideH, int(Cfg::kPadTop), kKernelH, int(Cfg::kHeight), 1, 1>;

  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kTogether == 1 || (kTogether == int(Cfg::kStrideW) && kFolds == 1),
                "kTogether must be 1, or kStrideW with all channels in a word");
  static_assert(int(Cfg::kWidth) % kTogether == 0, "kTogether must divide kWidth");
  static_assert(kRow > 3, "a row must be longer than a memory takes to write a word and read it");
  static_assert(kKernelH * kKernelW > 1, "a window of one tap needs no memory");
  static_assert((kOutWidth - 1) * kStrideW < kWidth * kStrideH, "a row's windows must leave before the next row's");
};

/// Cfg: that of `window` without kTapsOrder, kDepth, kGroups and dilations. A word of `in` holds kLanes channels, a
/// word of `out` all taps of these channels, the first one lowest; both go pixel by pixel, folds of channels innermost.
/// With kTogether, which may be left out, a word of `in` holds that many pixels, the first one lowest.
///
/// Every iteration takes one place of the frame in: a word, or nothing behind the frame's last one while padding is
/// still to come. `lines` holds the words of the last rows at the same column, `columns` what the window has of the
/// words before; both are read and written at one address. Padding holds kPadValue.
template <class Cfg, int kInWidth, int kOutWidth>
void window_rows(hls::stream<ap_uint<kInWidth>>& in, hls::stream<ap_uint<kOutWidth>>& out) {
#pragma HLS INLINE
  using G = RowsGeometry<Cfg>;
  using in_t = ap_uint<Cfg::kInBits>;
  using out_t = ap_uint<Cfg::kBits>;
  constexpr int kTaps = G::kKernelH * G::kKernelW;
  constexpr int kColumn = G::kKernelH * kInWidth;
  static_assert(kInWidth == G::kTogether * Cfg::kLanes * Cfg::kInBits,
                "an input word must hold kLanes elements of kInBits for each of its pixels");
  static_assert(kOutWidth == kTaps * Cfg::kLanes * Cfg::kBits, "an output word must hold all taps of kLanes elements");

  ap_uint<larger(kColumn - kInWidth, 1)> lines[G::kRow];
#pragma HLS DEPENDENCE variable = lines type = inter false
  if constexpr (StorageOf<Cfg>::value == kKeptInLuts) {
#pragma HLS BIND_STORAGE variable = lines type = ram_s2p impl = lutram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInBlocks) {
#pragma HLS BIND_STORAGE variable = lines type = ram_s2p impl = bram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInUltra) {
#pragma HLS BIND_STORAGE variable = lines type = ram_s2p impl = uram
  } else {
#pragma HLS BIND_STORAGE variable = lines type = ram_s2p
  }
  ap_uint<larger((G::kWords - 1) * kColumn, 1)> columns[G::kFolds];
  Counter<G::kRow> place;
  Counter<G::kFolds> fold;
  Counter<unsigned(G::kWidth)> x;
  Counter<G::kRows> y;
  Counter<unsigned(G::kStrideW)> x_phase;
  Counter<Cfg::kStrideH> y_phase;
  Counter<Cfg::kOutWidth> column;
  Counter<Cfg::kOutHeight> row;

  for (unsigned i = 0; i < unsigned(G::kIterations); ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<kInWidth> word = 0;
    if (i < unsigned(G::kTotal)) {
      word = in.read();
    }
    // Chunks of kInWidth bits: d rows above the place at hand in chunk d, d words before it kColumn bits higher.
    ap_uint<kColumn> now = word;
    if constexpr (G::kKernelH > 1) {
      const ap_uint<kColumn - kInWidth> above = lines[place.index()];
      now = (ap_uint<kColumn>(above) << kInWidth) | ap_uint<kColumn>(word);
      lines[place.index()] = ap_uint<kColumn - kInWidth>(now);
    }
    ap_uint<G::kWords * kColumn> all = now;
    if constexpr (G::kWords > 1) {
      const ap_uint<(G::kWords - 1) * kColumn> before = columns[fold.index()];
      all = (ap_uint<G::kWords * kColumn>(before) << kColumn) | all;
      columns[fold.index()] = ap_uint<(G::kWords - 1) * kColumn>(all);
    }

    const bool begun = i >= unsigned(G::kSkip);
    const bool in_row = x_phase.first() && x.index() < unsigned(G::kOutWidth * G::kStrideW);
    const bool in_map = y_phase.first() && y.index() < unsigned(G::kOutHeight * G::kStrideH);
    if (begun && in_row && in_map) {
      ap_uint<kOutWidth> taps = 0;
      for (int tap = 0; tap < kTaps; ++tap) {
#pragma HLS UNROLL
        const int down = tap / G::kKernelW;
        const int across = tap % G::kKernelW;
        const bool padding = G::Columns::outside(column.index(), across) || G::Rows::outside(row.index(), down);
        const unsigned chunk = (G::kWords - 1 - G::word_of(across)) * G::kKernelH + G::kKernelH - 1 - down;
        const unsigned pixel = chunk * G::kTogether + G::pixel_of(across);
        for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
          const out_t element = window_element<Cfg>(get_lane<in_t>(all, pixel * Cfg::kLanes + lane));
          set_lane(taps, tap * Cfg::kLanes + lane, padding ? out_t(Cfg::kPadValue) : element);
        }
      }
      out.write(taps);
    }

    const bool pixel_done = begun && fold.last();
    const bool row_done = pixel_done && x.last();
    place.step();
    fold.step();
    column.step(pixel_done && x_phase.last());
    x_phase.step(pixel_done);
    row.step(row_done && y_phase.last());
    y_phase.step(row_done);
    if (row_done) {
      x_phase = Counter<unsigned(G::kStrideW)>();
      column = Counter<Cfg::kOutWidth>();
    }
    x.step(pixel_done);
    y.step(row_done);
  }
}

}  // namespace hwgen

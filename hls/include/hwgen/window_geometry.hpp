// SPDX-License-Identifier: Apache-2.0
// Constants of the sliding window: how far the position of a tap moves from one word to the next.
#pragma once

#include <hwgen/lanes.hpp>

namespace hwgen {

/// Words of the input frame are numbered in the order of their arrival: (row * width + column) * folds + fold. Padding
/// continues the numbering: a tap outside the frame has a number too, possibly negative, but no word. `base` is the
/// number of the first tap of the output pixel at hand, `need` that of the tap to emit next.
template <class Cfg>
struct WindowGeometry {
  static constexpr int kFolds = int(Cfg::kChannels) / int(Cfg::kLanes);
  static constexpr int kRow = int(Cfg::kWidth) * kFolds;
  static constexpr int kTotal = int(Cfg::kHeight) * kRow;

  // Three nested counters walk over the words of one output pixel. Order nhwc: (inner = kernel column and fold, middle
  // = kernel row). Order taps: (inner = kernel column, middle = kernel row, outer = fold).
  static constexpr int kInner = Cfg::kTapsOrder ? int(Cfg::kKernelW) : int(Cfg::kKernelW) * kFolds;
  static constexpr int kMiddle = int(Cfg::kKernelH);
  static constexpr int kOuter = Cfg::kTapsOrder ? kFolds : 1;

  // Change of `need`: to the next inner, middle, outer position.
  static constexpr int kInnerStep = Cfg::kTapsOrder ? kFolds : 1;
  static constexpr int kInnerSpan = (kInner - 1) * kInnerStep;
  static constexpr int kMiddleStep = kRow - kInnerSpan;
  static constexpr int kMiddleSpan = (kMiddle - 1) * kRow;
  static constexpr int kOuterStep = 1 - kMiddleSpan - kInnerSpan;
  // From base to the last tap of a pixel: the buffer must hold that much and one word more.
  static constexpr int kSpan = kMiddleSpan + kInnerSpan + kOuter - 1;
  // Change of `base`: to the next pixel of a row, to the next row.
  static constexpr int kPixelStep = int(Cfg::kStrideW) * kFolds;
  static constexpr int kRowStep = int(Cfg::kStrideH) * kRow - (int(Cfg::kOutWidth) - 1) * kPixelStep;
  static constexpr int kFirst = -(int(Cfg::kPadTop) * kRow + int(Cfg::kPadLeft) * kFolds);

  // Columns are counted in units of the inner counter.
  static constexpr int kUnit = Cfg::kTapsOrder ? 1 : kFolds;
  static constexpr int kFirstColumn = -int(Cfg::kPadLeft) * kUnit;
  static constexpr int kColumnStep = int(Cfg::kStrideW) * kUnit;
  static constexpr int kLastColumn = kFirstColumn + (int(Cfg::kOutWidth) - 1) * kColumnStep;
  static constexpr int kColumnEnd = int(Cfg::kWidth) * kUnit;
  static constexpr int kFirstRow = -int(Cfg::kPadTop);
  static constexpr int kLastRow = kFirstRow + (int(Cfg::kOutHeight) - 1) * int(Cfg::kStrideH);

  static constexpr bool kPadded = Cfg::kPadTop > 0 || Cfg::kPadLeft > 0 ||
                                  kLastRow + kMiddle > int(Cfg::kHeight) || kLastColumn + kInner > kColumnEnd;

  /// Bits of a signed number up to `n` in magnitude.
  static constexpr int signed_bits(int n) { return clog2(n + 1) + 1; }
  static constexpr int larger(int a, int b) { return a > b ? a : b; }
  using column_t = ap_int<signed_bits(larger(larger(-kFirstColumn, kLastColumn + kInner), kColumnEnd))>;
  using row_t = ap_int<signed_bits(larger(larger(-kFirstRow, kLastRow + kMiddle), int(Cfg::kHeight)))>;
  // Words read minus base or need. Below zero: at most one step of base and a window; above: the buffer, and a step
  // back.
  using lead_t = ap_int<signed_bits(int(Cfg::kDepth) + kSpan + larger(larger(kRowStep, -kRowStep), kPixelStep))>;
  using total_t = ap_uint<clog2(kTotal + 1)>;
  using address_t = ap_uint<index_bits(Cfg::kDepth)>;

  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert((Cfg::kDepth & (Cfg::kDepth - 1)) == 0 && Cfg::kDepth >= 2,
                "kDepth must be a power of two, at least 2");
  static_assert(int(Cfg::kDepth) > kSpan, "kDepth must exceed the distance from the first to the last tap of a window");
  static_assert(Cfg::kPadTop < Cfg::kKernelH && Cfg::kPadLeft < Cfg::kKernelW, "padding must be less than the kernel");
  static_assert(kLastRow < int(Cfg::kHeight) && kLastColumn < kColumnEnd,
                "the last window must begin inside the input: padding must be less than the kernel");
};

}  // namespace hwgen

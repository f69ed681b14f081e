// SPDX-License-Identifier: Apache-2.0
// Constants of the sliding window: how far the position of a tap moves from one word to the next.
#pragma once

#include <hwgen/lanes.hpp>

namespace hwgen {

constexpr int larger(int a, int b) { return a > b ? a : b; }

/// The output's positions along one axis, and which of their taps lie outside the input; kUnit words make a tap.
template <int kOut, int kStride, int kPad, int kKernel, int kSize, int kUnit>
struct WindowAxis {
  // Positions 0 .. kBefore-1 have taps before the input, kAfter .. kOut-1 behind it.
  static constexpr int kBefore = (kPad + kStride - 1) / kStride < kOut ? (kPad + kStride - 1) / kStride : kOut;
  static constexpr int kAfter = kSize + kPad < kKernel ? 0 : (kSize + kPad - kKernel) / kStride + 1;
  static constexpr bool kPadded = kBefore > 0 || kAfter < kOut;
  // Taps of the last position that are inside.
  static constexpr int kInside = kSize + kPad - (kOut - 1) * kStride;
  static constexpr int kLast = kInside < kKernel ? kInside : kKernel;
  static_assert(kPad < kKernel && kInside > 0,
                "the last window must begin inside the input: padding must be less than the kernel");

  static bool outside(unsigned position, unsigned word) {
#pragma HLS INLINE
    bool found = false;
    for (int p = 0; p < kBefore; ++p) {
#pragma HLS UNROLL
      found = found || (position == unsigned(p) && word < unsigned((kPad - p * kStride) * kUnit));
    }
    for (int p = kAfter; p < kOut; ++p) {
#pragma HLS UNROLL
      found = found || (position == unsigned(p) && word >= unsigned((kSize + kPad - p * kStride) * kUnit));
    }
    return found;
  }
};

/// Words of the input frame are numbered in the order of their arrival: (row * width + column) * folds + fold. Padding
/// continues the numbering: a tap outside the frame has a number too, possibly negative, but no word. `base` is the
/// number of the first tap of the output pixel at hand, `offset` the distance from there to the tap to emit next.
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

  // Change of `offset`: to the next inner, middle, outer position.
  static constexpr int kInnerStep = Cfg::kTapsOrder ? kFolds : 1;
  static constexpr int kInnerSpan = (kInner - 1) * kInnerStep;
  static constexpr int kMiddleStep = kRow - kInnerSpan;
  static constexpr int kMiddleSpan = (kMiddle - 1) * kRow;
  static constexpr int kOuterStep = 1 - kMiddleSpan - kInnerSpan;
  // From base to the last tap of a pixel: the buffer must hold that much and one word more.
  static constexpr int kSpan = kMiddleSpan + kInnerSpan + kOuter - 1;
  // Whether the counters' bits side by side are the distance from base.
  static constexpr bool kSideBySide =
      (kRow & (kRow - 1)) == 0 && (kInnerStep & (kInnerStep - 1)) == 0 && (kInnerStep << clog2(kInner)) <= kRow;
  // Change of `base`: to the next pixel of a row, to the next row, to the next frame.
  static constexpr int kPixelStep = int(Cfg::kStrideW) * kFolds;
  static constexpr int kRowStep = int(Cfg::kStrideH) * kRow - (int(Cfg::kOutWidth) - 1) * kPixelStep;
  static constexpr int kFrameStep =
      kTotal - (int(Cfg::kOutHeight) - 1) * int(Cfg::kStrideH) * kRow - (int(Cfg::kOutWidth) - 1) * kPixelStep;
  static constexpr int kFirst = -(int(Cfg::kPadTop) * kRow + int(Cfg::kPadLeft) * kFolds);

  using Columns = WindowAxis<int(Cfg::kOutWidth), int(Cfg::kStrideW), int(Cfg::kPadLeft), int(Cfg::kKernelW),
                             int(Cfg::kWidth), Cfg::kTapsOrder ? 1 : kFolds>;
  using Rows =
      WindowAxis<int(Cfg::kOutHeight), int(Cfg::kStrideH), int(Cfg::kPadTop), int(Cfg::kKernelH), int(Cfg::kHeight), 1>;
  static constexpr bool kPadded = Columns::kPadded || Rows::kPadded;

  // Words read minus base. When base moves, at least kLeast: all taps of a pixel that are no padding; it may move past
  // words that no tap takes, or back to the padding of the next frame.
  static constexpr int kForward = larger(larger(kRowStep, kFrameStep), kPixelStep);
  static constexpr int kBack = larger(larger(-kRowStep, -kFrameStep), 0);
  static constexpr int kLeast = (Rows::kLast - 1) * kRow + Columns::kLast * kFolds;
  static constexpr bool kPasses = kForward > kLeast;
  static constexpr int kHeldBits = clog2(larger(int(Cfg::kDepth) + kBack, kPasses ? kForward : 0) + 1);
  using held_t = typename Select<kPasses, ap_int<kHeldBits + 1>, ap_uint<kHeldBits>>::type;
  using offset_t = ap_uint<index_bits(kSpan + 1)>;
  using address_t = ap_uint<index_bits(Cfg::kDepth)>;

  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert((Cfg::kDepth & (Cfg::kDepth - 1)) == 0 && Cfg::kDepth >= 2,
                "kDepth must be a power of two, at least 2");
  static_assert(int(Cfg::kDepth) > kSpan, "kDepth must exceed the distance from the first to the last tap of a window");
};

}  // namespace hwgen

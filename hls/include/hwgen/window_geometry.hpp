// SPDX-License-Identifier: Apache-2.0
// Constants of the sliding window: how far the position of a tap moves from one word to the next.
#pragma once

#include <hwgen/lanes.hpp>
#include <hwgen/settings.hpp>

namespace hwgen {

constexpr int larger(int a, int b) { return a > b ? a : b; }

/// The output's positions along one axis, and which of their taps lie outside the input; kUnit words make a tap, and
/// taps are kDilation rows or columns apart.
template <int kOut, int kStride, int kPad, int kKernel, int kSize, int kUnit, int kDilation>
struct WindowAxis {
  // Rows or columns from the first tap to the last.
  static constexpr int kReach = (kKernel - 1) * kDilation;
  // Positions 0 .. kBefore-1 have taps before the input, kAfter .. kOut-1 behind it.
  static constexpr int kBefore = (kPad + kStride - 1) / kStride < kOut ? (kPad + kStride - 1) / kStride : kOut;
  static constexpr int kAfter = kSize + kPad <= kReach ? 0 : (kSize + kPad - kReach - 1) / kStride + 1;
  static constexpr bool kPadded = kBefore > 0 || kAfter < kOut;
  static_assert(kPad <= kReach && (kOut - 1) * kStride - kPad < kSize,
                "the last window must begin inside the input: padding must be less than the window");

  // Taps of a position that begin before row or column `end` of the input.
  static constexpr int taps_before(int end, int position) {
    const int room = end + kPad - position * kStride;
    return room <= 0 ? 0 : (room + kDilation - 1) / kDilation;
  }

  // Distance from the first tap of a position to its last one inside the input, -1 if none is inside.
  static constexpr int last_inside(int position) {
    const int behind = taps_before(kSize, position) < kKernel ? taps_before(kSize, position) : kKernel;
    return behind > taps_before(0, position) ? (behind - 1) * kDilation : -1;
  }

  // The least of these distances over all positions.
  static constexpr int least_inside() {
    int least = kReach;
    for (int p = 0; p < kOut; ++p) {
      if (last_inside(p) < least) {
        least = last_inside(p);
      }
    }
    return least;
  }

  static bool outside(unsigned position, unsigned word) {
#pragma HLS INLINE
    bool found = false;
    for (int p = 0; p < kBefore; ++p) {
#pragma HLS UNROLL
      found = found || (position == unsigned(p) && word < unsigned(taps_before(0, p) * kUnit));
    }
    for (int p = kAfter; p < kOut; ++p) {
#pragma HLS UNROLL
      found = found || (position == unsigned(p) && word >= unsigned(taps_before(kSize, p) * kUnit));
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

  // The channels of a group leave together: one group, kGroups, or in order taps as many as there are words of a pixel.
  static constexpr int kOuter = Cfg::kTapsOrder ? kFolds : GroupsOf<Cfg>::value;
  static constexpr int kTap = kFolds / kOuter;
  static constexpr int kTapColumns = DilationOf<Cfg>::kColumns;
  static constexpr int kTapRows = DilationOf<Cfg>::kRows;
  // Taps of a word: all columns of some rows of the kernel, or one.
  static constexpr int kBeside = BesideOf<Cfg>::value;
  static constexpr int kColumnsBeside = kBeside > 1 ? int(Cfg::kKernelW) : 1;
  static constexpr int kRowsBeside = kBeside / kColumnsBeside;
  // Nested counters walk over the words of one output pixel: words of a tap, kernel column, kernel row, group. Where
  // the taps of a kernel row follow each other in the buffer without a gap, one counter does for both first ones.
  static constexpr bool kGapless = kOuter == 1 && kTapColumns == 1;
  static constexpr int kUnit = kGapless ? 1 : kTap;
  static constexpr int kTapWords = kGapless ? kTap : 1;
  static constexpr int kInner = int(Cfg::kKernelW) / kColumnsBeside * kTapWords;
  static constexpr int kMiddle = int(Cfg::kKernelH) / kRowsBeside;

  // Change of `offset`: to the next unit, inner, middle, outer position.
  static constexpr int kInnerPitch = kGapless ? 1 : kTapColumns * kFolds;
  static constexpr int kMiddlePitch = kTapRows * kRow;
  static constexpr int kUnitStep = 1;
  static constexpr int kInnerStep = kInnerPitch - (kUnit - 1);
  static constexpr int kInnerSpan = (kInner - 1) * kInnerPitch + kUnit - 1;
  static constexpr int kMiddleStep = kMiddlePitch - kInnerSpan;
  static constexpr int kMiddleSpan = (kMiddle - 1) * kMiddlePitch;
  static constexpr int kOuterStep = 1 - kMiddleSpan - (kInner - 1) * kInnerPitch;
  // From the first tap of a word to another one.
  static constexpr int beside(int tap) {
    return tap / kColumnsBeside * kMiddlePitch + tap % kColumnsBeside * kInnerPitch;
  }
  // From base to the last tap of a pixel: the buffer must hold that much and one word more.
  static constexpr int kSpan = kMiddleSpan + kInnerSpan + (kOuter - 1) * kTap + beside(kBeside - 1);
  // Whether the counters' bits side by side are the distance from base.
  static constexpr bool kSideBySide = kUnit == 1 && (kMiddlePitch & (kMiddlePitch - 1)) == 0 &&
                                      (kInnerPitch & (kInnerPitch - 1)) == 0 &&
                                      (kInnerPitch << clog2(kInner)) <= kMiddlePitch;
  // Change of `base`: to the next pixel of a row, to the next row, to the next frame.
  static constexpr int kPixelStep = int(Cfg::kStrideW) * kFolds;
  static constexpr int kRowStep = int(Cfg::kStrideH) * kRow - (int(Cfg::kOutWidth) - 1) * kPixelStep;
  static constexpr int kFrameStep =
      kTotal - (int(Cfg::kOutHeight) - 1) * int(Cfg::kStrideH) * kRow - (int(Cfg::kOutWidth) - 1) * kPixelStep;
  static constexpr int kFirst = -(int(Cfg::kPadTop) * kRow + int(Cfg::kPadLeft) * kFolds);

  using Columns = WindowAxis<int(Cfg::kOutWidth), int(Cfg::kStrideW), int(Cfg::kPadLeft), int(Cfg::kKernelW),
                             int(Cfg::kWidth), kTapWords, kTapColumns>;
  using Rows = WindowAxis<int(Cfg::kOutHeight), int(Cfg::kStrideH), int(Cfg::kPadTop), int(Cfg::kKernelH),
                          int(Cfg::kHeight), 1, kTapRows>;
  static constexpr bool kPadded = Columns::kPadded || Rows::kPadded;

  // Words read minus base. When base moves, at least kLeast: all taps of a pixel that are no padding. It may move past
  // words that no tap takes, past all of the frame where dilated windows are nothing but padding, or back to the
  // padding of the next frame.
  static constexpr int kForward = larger(larger(kRowStep, kFrameStep), kPixelStep);
  static constexpr int kBack = larger(larger(-kRowStep, -kFrameStep), 0);
  static constexpr bool kHollow = Rows::least_inside() < 0 || Columns::least_inside() < 0;
  static constexpr int kLeast = Rows::least_inside() * kRow + (Columns::least_inside() + 1) * kFolds;
  static constexpr int kLastBase =
      (int(Cfg::kOutHeight) - 1) * int(Cfg::kStrideH) * kRow + (int(Cfg::kOutWidth) - 1) * kPixelStep + kFirst;
  static constexpr int kPast = kHollow ? larger(kLastBase, kTotal) : kForward > kLeast ? kForward : 0;
  static constexpr bool kPasses = kPast > 0;
  static constexpr int kHeldBits = clog2(larger(int(Cfg::kDepth) + kBack, kPast) + 1);
  using held_t = typename Select<kPasses, ap_int<kHeldBits + 1>, ap_uint<kHeldBits>>::type;
  using offset_t = ap_uint<index_bits(kSpan + 1)>;
  using address_t = ap_uint<index_bits(Cfg::kDepth)>;

  static_assert(Cfg::kChannels % (Cfg::kLanes * GroupsOf<Cfg>::value) == 0,
                "kLanes must divide the channels of each group");
  static_assert(kBeside == 1 || (kFolds == 1 && GroupsOf<Cfg>::value == 1),
                "taps side by side must have all channels, in one group");
  static_assert(kRowsBeside * kColumnsBeside == kBeside && kMiddle * kRowsBeside == int(Cfg::kKernelH),
                "kBeside must be 1, or whole rows of the kernel that divide it");
  static_assert((Cfg::kDepth & (Cfg::kDepth - 1)) == 0 && Cfg::kDepth >= 2,
                "kDepth must be a power of two, at least 2");
  static_assert(int(Cfg::kDepth) > kSpan, "kDepth must exceed the distance from the first to the last tap of a window");
};

}  // namespace hwgen

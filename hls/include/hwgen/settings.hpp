// SPDX-License-Identifier: Apache-2.0
// Settings that a kernel's Cfg may leave out.
#pragma once

namespace hwgen {

template <class...>
using Void = void;

/// Cfg::kGroups: parts of the channels that are convolved apart from each other; 1 where Cfg does not have it.
template <class Cfg, class = void>
struct GroupsOf {
  static constexpr int value = 1;
};
template <class Cfg>
struct GroupsOf<Cfg, Void<decltype(Cfg::kGroups)>> {
  static constexpr int value = int(Cfg::kGroups);
};

/// Cfg::kBeside: taps of a window side by side in a word; 1 where Cfg does not have it.
template <class Cfg, class = void>
struct BesideOf {
  static constexpr int value = 1;
};
template <class Cfg>
struct BesideOf<Cfg, Void<decltype(Cfg::kBeside)>> {
  static constexpr int value = int(Cfg::kBeside);
};

/// Cfg::kTogether of a window: pixels of an input word; 1 where Cfg does not have it.
template <class Cfg, class = void>
struct TogetherOf {
  static constexpr int value = 1;
};
template <class Cfg>
struct TogetherOf<Cfg, Void<decltype(Cfg::kTogether)>> {
  static constexpr int value = int(Cfg::kTogether);
};

/// Cfg::kPixels of a matrix times vector: vectors side by side in a word; 1 where Cfg does not have it.
template <class Cfg, class = void>
struct PixelsOf {
  static constexpr unsigned value = 1;
};
template <class Cfg>
struct PixelsOf<Cfg, Void<decltype(Cfg::kPixels)>> {
  static constexpr unsigned value = Cfg::kPixels;
};

/// Cfg::kDilationH and kDilationW: rows and columns from one tap to the next; 1 where Cfg does not have them.
template <class Cfg, class = void>
struct DilationOf {
  static constexpr int kRows = 1;
  static constexpr int kColumns = 1;
};
template <class Cfg>
struct DilationOf<Cfg, Void<decltype(Cfg::kDilationH)>> {
  static constexpr int kRows = int(Cfg::kDilationH);
  static constexpr int kColumns = int(Cfg::kDilationW);
};

/// Cfg::kMultiplier: outputs of each channel of a depthwise convolution; 1 where Cfg does not have it.
template <class Cfg, class = void>
struct MultiplierOf {
  static constexpr unsigned value = 1;
};
template <class Cfg>
struct MultiplierOf<Cfg, Void<decltype(Cfg::kMultiplier)>> {
  static constexpr unsigned value = Cfg::kMultiplier;
};

/// Where a kernel keeps its weights or its lines: the compiler's choice, tables and LUT RAM, block RAM, or UltraRAM.
enum : unsigned { kKeptAnywhere = 0, kKeptInLuts = 1, kKeptInBlocks = 2, kKeptInUltra = 3 };

/// Cfg::kStorage: one of the above; kKeptAnywhere where Cfg does not have it.
template <class Cfg, class = void>
struct StorageOf {
  static constexpr unsigned value = kKeptAnywhere;
};
template <class Cfg>
struct StorageOf<Cfg, Void<decltype(Cfg::kStorage)>> {
  static constexpr unsigned value = Cfg::kStorage;
};

}  // namespace hwgen

// SPDX-License-Identifier: Apache-2.0
// Matrix times vector, kPe rows and kSimd columns at a time: dense layers, and convolutions behind a window.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/product.hpp>

namespace hwgen {

/// Weights in a table: its row needs no reading.
template <class T, int kDepth, int kLanes>
ap_uint<1> next_row(const T (&)[kDepth][kLanes]) {
#pragma HLS INLINE
  return 0;
}
template <class T, int kDepth, int kLanes>
T weight_at(const T (&weights)[kDepth][kLanes], const ap_uint<1>&, unsigned fold, unsigned lane) {
#pragma HLS INLINE
  return weights[fold][lane];
}

/// Weights from a stream: one word for each row.
template <int kBits>
ap_uint<kBits> next_row(hls::stream<ap_uint<kBits>>& weights) {
#pragma HLS INLINE
  return weights.read();
}
template <class T, int kBits>
T weight_at(hls::stream<ap_uint<kBits>>&, const ap_uint<kBits>& row, unsigned, unsigned lane) {
#pragma HLS INLINE
  return get_lane<T>(row, lane);
}

/// What `matvec` and `matvec_streamed` have in common.
template <class Cfg, int kInBits, int kOutBits, class Weights, class Bias, int kBiasDepth, int kBiasLanes>
void matvec_sums(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out, Weights& weights,
                 const Bias (&bias)[kBiasDepth][kBiasLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = bias type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using acc_t = typename Cfg::acc_t;
  using P = Product<Cfg>;
  using sum_t = typename SumOf<typename P::term_t, Cfg::kSimd>::type;
  constexpr unsigned kColumnFolds = Cfg::kInputs / Cfg::kSimd;
  constexpr unsigned kRowFolds = Cfg::kOutputs / Cfg::kPe;
  constexpr unsigned kBlocks = kRowFolds * GroupsOf<Cfg>::value;
  constexpr unsigned kFolds = kColumnFolds * kBlocks;
  constexpr unsigned kPixels = PixelsOf<Cfg>::value;
  constexpr unsigned kIterations = Cfg::kVectors / kPixels * kFolds;
  static_assert(Cfg::kInputs % Cfg::kSimd == 0, "kSimd must divide kInputs");
  static_assert(Cfg::kOutputs % Cfg::kPe == 0, "kPe must divide kOutputs");
  static_assert(kPixels == 1 || kFolds == 1, "pixels can be side by side only where kSimd and kPe are all of a vector");
  static_assert(Cfg::kVectors % kPixels == 0, "kPixels must divide kVectors");
  static_assert(kInBits == kPixels * Cfg::kSimd * bits_of<in_t>(), "an input word must hold kSimd elements a pixel");
  static_assert(kOutBits == kPixels * Cfg::kPe * bits_of<acc_t>(), "an output word must hold kPe sums a pixel");
  static_assert(kBiasDepth == kBlocks && kBiasLanes == Cfg::kPe,
                "bias must have one row for each row fold of each group, kPe lanes");

  Counter<kColumnFolds> column;
  Counter<kRowFolds> row;
  Counter<kBlocks> block;
  Counter<kFolds> fold;
  acc_t acc[kPixels * Cfg::kPe];
#pragma HLS ARRAY_PARTITION variable = acc type = complete
  ap_uint<kInBits> vector[kColumnFolds];

  // Invariant: fold = block * kColumnFolds + column, row = block % kRowFolds; acc holds the sums of this row fold over
  // the columns before `column`.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    const auto weights_now = next_row(weights);
    ap_uint<kInBits> word;
    if constexpr (kRowFolds == 1) {
      word = in.read();
    } else if (row.first()) {
      word = in.read();
      vector[column.index()] = word;
    } else {
      word = vector[column.index()];
    }

    const unsigned place = kBlocks == kRowFolds ? row.index() : block.index();
    ap_uint<kOutBits> sums = 0;
    for (unsigned result = 0; result < kPixels * Cfg::kPe; ++result) {
#pragma HLS UNROLL
      const unsigned pixel = result / Cfg::kPe;
      const unsigned pe = result % Cfg::kPe;
      sum_t sum = 0;
      for (unsigned simd = 0; simd < Cfg::kSimd; ++simd) {
#pragma HLS UNROLL
        const in_t x = get_lane<in_t>(word, pixel * Cfg::kSimd + simd);
        const unsigned lane = pe * Cfg::kSimd + simd;
        sum += P::term(x, weight_at<typename Cfg::weight_t>(weights, weights_now, fold.index(), lane));
      }
      const acc_t start = column.first() ? acc_t(bias[place][pe]) : acc[result];
      const acc_t next = start + (acc_t(sum) << P::kShift);
      acc[result] = next;
      set_lane(sums, result, next);
    }
    if (column.last()) {
      out.write(sums);
    }

    const bool row_done = column.last();
    column.step();
    row.step(row_done);
    block.step(row_done);
    fold.step();
  }
}

/// For each of kVectors vectors: acc[row] = bias[row] + sum over columns of in[column] * weights[row][column].
///
/// Cfg: kSimd kPe kInputs kOutputs kVectors kBipolarInput kBipolarWeight in_t weight_t acc_t, kDsp if products shall be
/// multiplier blocks, and kStorage for where the weights live. A word of `in` holds kSimd elements, a word of `out` kPe
/// sums. weights[fold][pe * kSimd + simd] with fold = (row / kPe) * (kInputs / kSimd) + column / kSimd; bias[row / kPe]
/// [row % kPe] as product.hpp says. One iteration does kPe * kSimd products; column folds run fastest, then row folds,
/// then vectors. A vector is read in the iterations of row fold 0 and kept for the others. With kGroups, which may be
/// left out, each of the kVectors is kGroups vectors of kInputs after one another, each of which has kOutputs rows of
/// its own: fold and bias count on over the groups. With kPixels, which may be left out, words hold kPixels vectors
/// side by side, or their sums, and kSimd and kPe are all of a vector.
template <class Cfg, int kInBits, int kOutBits, int kWeightDepth, int kWeightLanes, class Bias, int kBiasDepth,
          int kBiasLanes>
void matvec(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
            const typename Cfg::weight_t (&weights)[kWeightDepth][kWeightLanes],
            const Bias (&bias)[kBiasDepth][kBiasLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = weights type = complete dim = 2
  if constexpr (StorageOf<Cfg>::value == kKeptInLuts) {
#pragma HLS BIND_STORAGE variable = weights type = rom_np impl = lutram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInBlocks) {
#pragma HLS BIND_STORAGE variable = weights type = rom_np impl = bram
  }
  constexpr unsigned kFolds = Cfg::kInputs / Cfg::kSimd * (Cfg::kOutputs / Cfg::kPe) * GroupsOf<Cfg>::value;
  static_assert(kWeightDepth == kFolds && kWeightLanes == Cfg::kPe * Cfg::kSimd,
                "weights must have one row for each fold and kPe * kSimd lanes");
  matvec_sums<Cfg>(in, out, weights, bias);
}

/// The same with weights from outside: every iteration reads a word of them, the row that `matvec` would look up, lane
/// 0 in the lowest bits. What feeds the stream sends the rows of all folds again for each vector.
template <class Cfg, int kInBits, int kWeightBits, int kOutBits, class Bias, int kBiasDepth, int kBiasLanes>
void matvec_streamed(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kWeightBits>>& weights,
                     hls::stream<ap_uint<kOutBits>>& out, const Bias (&bias)[kBiasDepth][kBiasLanes]) {
#pragma HLS INLINE
  static_assert(kWeightBits >= int(Cfg::kPe * Cfg::kSimd) * bits_of<typename Cfg::weight_t>(),
                "a word of weights must hold kPe * kSimd of weight_t");
  matvec_sums<Cfg>(in, out, weights, bias);
}

}  // namespace hwgen

// SPDX-License-Identifier: Apache-2.0
// Lets a process run alone and prints the cycle in which each frame ends: arguments are the most cycles, the frames,
// and the beats of a frame at each output. The last output to end a frame ends it.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "Vhwgen_bench.h"

namespace {

constexpr int kResetCycles = 4;

void half(VerilatedContext& context, Vhwgen_bench& top) {
  context.timeInc(1);
  top.clk = !top.clk;
  top.eval();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const long long limit = std::atoll(argv[1]), frames = std::atoll(argv[2]);
  std::vector<long long> beats, left;
  for (int i = 3; i < argc; ++i) beats.push_back(std::atoll(argv[i]));
  left = beats;
  VerilatedContext context;
  const auto top = std::make_unique<Vhwgen_bench>(&context, "");
  for (int i = 0; i < 2 * kResetCycles; ++i) half(context, *top);
  top->rst_n = 1;
  std::vector<long long> done(beats.size(), 0);
  std::vector<std::vector<long long>> ends(beats.size());
  long long whole = 0;
  for (long long cycle = 0; cycle < limit && whole < frames; ++cycle) {
    half(context, *top);
    half(context, *top);
    for (std::size_t i = 0; i < beats.size(); ++i) {
      if ((top->given >> i & 1) && --left[i] == 0) {
        left[i] = beats[i];
        ends[i].push_back(cycle);
      }
    }
    bool all = true;
    for (const auto& e : ends) all &= static_cast<long long>(e.size()) > whole;
    if (all) {
      ++whole;
      std::printf("%lld\n", cycle);
    }
  }
  return 0;
}

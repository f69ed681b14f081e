// SPDX-License-Identifier: Apache-2.0
// Lets cocotb drive the bench: the argument is its VPI library. Time moves to whatever cocotb waits for.
#include <cstdio>

#include "Vhwgen_bench.h"
#include "hwgen_cocotb.hpp"

int main(int argc, char** argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  context.randReset(2);
  context.randSeed(1);
  Vhwgen_bench top{&context, ""};
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s <VPI library>\n", argv[0]);
    return 1;
  }
  if (!hwgen::start(top, argv[1])) return 1;
  while (!context.gotFinish()) {
    const vluint64_t next = VerilatedVpi::cbNextDeadline();
    if (next == ~0ULL) break;
    context.time(next);
    hwgen::step(top);
  }
  VerilatedVpi::callCbs(cbEndOfSimulation);
  top.final();
  return 0;
}

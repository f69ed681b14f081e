// SPDX-License-Identifier: Apache-2.0
// Lets cocotb drive the bench: the argument is its VPI library. Time moves to whatever cocotb waits for.
#include <dlfcn.h>

#include <cstdio>

#include "Vhwgen_bench.h"
#include "verilated.h"
#include "verilated_vpi.h"

namespace {

void settle(Vhwgen_bench& top) {
  do {
    do {
      top.eval();
      VerilatedVpi::clearEvalNeeded();
      VerilatedVpi::doInertialPuts();
      while (VerilatedVpi::callValueCbs()) {
      }
    } while (VerilatedVpi::evalNeeded());
    VerilatedVpi::callCbs(cbReadWriteSynch);
    VerilatedVpi::doInertialPuts();
    while (VerilatedVpi::callValueCbs()) {
    }
  } while (VerilatedVpi::evalNeeded());
  VerilatedVpi::callCbs(cbReadOnlySynch);
}

}  // namespace

int main(int argc, char** argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  context.randReset(2);
  context.randSeed(1);
  Vhwgen_bench top{&context, ""};
  Verilated::fatalOnVpiError(false);
  void* handle = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : nullptr;
  auto bootstrap = handle ? reinterpret_cast<void (*)()>(dlsym(handle, "vlog_startup_routines_bootstrap")) : nullptr;
  if (!bootstrap) {
    std::fprintf(stderr, "cocotb's library must load: %s\n", dlerror());
    return 1;
  }
  bootstrap();
  VerilatedVpi::callCbs(cbStartOfSimulation);
  settle(top);
  while (!context.gotFinish()) {
    const vluint64_t next = VerilatedVpi::cbNextDeadline();
    if (next == ~0ULL) break;
    context.time(next);
    VerilatedVpi::callCbs(cbNextSimTime);
    VerilatedVpi::callTimedCbs();
    settle(top);
  }
  VerilatedVpi::callCbs(cbEndOfSimulation);
  top.final();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Drives the clock of the test bench. By itself it performs the runs listed in runs.txt and writes status.txt;
// with `--cocotb <VPI library>` it leaves that to cocotb and only keeps the clock going; with `--waves <file>`, where
// Verilator was told to trace, it also writes the waveforms of every run as FST.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#include "Vhwgen_bench.h"
#ifndef HWGEN_PLAIN
#include "hwgen_cocotb.hpp"
#endif
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace {

constexpr int kResetCycles = 4;
constexpr int kDrainCycles = 64;
constexpr int kFailed = 5;

struct Run {
  int id, select, monitor, frames, recorded, gap, stall, seed;
  long long reset_at, limit;
  char label[256];
};

class Bench {
 public:
  Bench() {
    // Registers without a reset start with random bits, so that reading before writing shows.
    context_.randReset(2);
    context_.randSeed(1);
    context_.traceEverOn(VM_TRACE);
    top_.reset(new Vhwgen_bench{&context_, ""});
  }

#if VM_TRACE
  void trace(const char* file) {
    constexpr int kAllLevels = 99;
    waves_.reset(new VerilatedFstC);
    top_->trace(waves_.get(), kAllLevels);
    waves_->open(file);
  }
#endif

  Vhwgen_bench& top() { return *top_; }
  VerilatedContext& context() { return context_; }

  // One half period of the clock. Rising edges come at odd times.
  void half() {
    context_.timeInc(1);
    top_->clk = !top_->clk;
    top_->eval();
#if VM_TRACE
    if (waves_) waves_->dump(context_.time());
#endif
  }

  void cycles(long long count) {
    for (long long i = 0; i < 2 * count; ++i) half();
  }

  void reset() {
    top_->rst_n = 0;
    cycles(kResetCycles);
    top_->rst_n = 1;
  }

 private:
  VerilatedContext context_;
  std::unique_ptr<Vhwgen_bench> top_;
#if VM_TRACE
  std::unique_ptr<VerilatedFstC> waves_;
#endif
};

bool perform(Bench& bench, const Run& run, FILE* status) {
  Vhwgen_bench& top = bench.top();
  top.select = run.select;
  top.monitor = run.monitor;
  top.run = run.id;
  top.frames = run.frames;
  top.recorded = run.recorded;
  top.gap = run.gap;
  top.stall = run.stall;
  top.seed = run.seed;
  bench.reset();
  if (run.reset_at > 0) {
    bench.cycles(run.reset_at);
    bench.reset();
  }
  long long cycle = 0;
  while (!top.done && cycle < run.limit) {
    bench.cycles(1);
    ++cycle;
  }
  bench.cycles(kDrainCycles);
  std::fprintf(status, "%d %d %d %lld\n", run.id, int(top.done), int(top.mismatches), cycle + run.reset_at);
  std::fflush(status);
  const bool ok = top.done && top.mismatches == 0;
  std::printf("%-5s %s, %lld cycles\n", ok ? "ok" : "FAIL", run.label, cycle + run.reset_at);
  return ok;
}

int batch(Bench& bench) {
  FILE* runs = std::fopen("runs.txt", "r");
  if (!runs) {
    std::fprintf(stderr, "runs.txt cannot be opened\n");
    return 1;
  }
  FILE* status = std::fopen("status.txt", "w");
  bool ok = true;
  Run run;
  while (std::fscanf(runs, "%d %d %d %d %d %d %d %d %lld %lld %255s", &run.id, &run.select, &run.monitor, &run.frames,
                     &run.recorded, &run.gap, &run.stall, &run.seed, &run.reset_at, &run.limit, run.label) == 11) {
    ok &= perform(bench, run, status);
  }
  std::fclose(runs);
  std::fclose(status);
  return ok ? 0 : kFailed;
}

#ifndef HWGEN_PLAIN
int cocotb(Bench& bench, const char* library) {
  Vhwgen_bench& top = bench.top();
  if (!hwgen::start(top, library)) return 1;
  bool done = top.done;
  // cocotb is asked only when it can have something to do: a timer is due, or `done` has changed.
  while (!bench.context().gotFinish()) {
    bench.half();
    const bool due = VerilatedVpi::cbNextDeadline() <= bench.context().time();
    if (!due && done == bool(top.done)) continue;
    hwgen::step(top);
    done = top.done;
  }
  VerilatedVpi::callCbs(cbEndOfSimulation);
  return bench.context().errorCount() > 0;
}
#endif

int run(Bench& bench, int argc, char** argv) {
#if VM_TRACE
  if (argc == 3 && !std::strcmp(argv[1], "--waves")) bench.trace(argv[2]);
#endif
#ifndef HWGEN_PLAIN
  if (argc == 3 && !std::strcmp(argv[1], "--cocotb")) return cocotb(bench, argv[2]);
#endif
  return batch(bench);
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench;
  bench.context().commandArgs(argc, argv);
  const int result = run(bench, argc, argv);
  bench.top().final();
  return result;
}

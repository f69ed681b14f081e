// SPDX-License-Identifier: Apache-2.0
// What a Verilator program does for cocotb: load its VPI library, and let it speak whenever values have changed.
#pragma once

#include <dlfcn.h>

#include <cstdio>

#include "verilated.h"
#include "verilated_vpi.h"

namespace hwgen {

// Evaluates until neither the model nor cocotb changes anything more.
template <typename Top>
void settle(Top& top) {
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

// Begins a simulation under cocotb's VPI library; false, and the reason on stderr, where that cannot be loaded.
template <typename Top>
bool start(Top& top, const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
  if (!handle) {
    std::fprintf(stderr, "%s\n", dlerror());
    return false;
  }
  auto bootstrap = reinterpret_cast<void (*)()>(dlsym(handle, "vlog_startup_routines_bootstrap"));
  if (!bootstrap) {
    std::fprintf(stderr, "%s has no vlog_startup_routines_bootstrap\n", library);
    return false;
  }
  Verilated::fatalOnVpiError(false);
  bootstrap();
  VerilatedVpi::callCbs(cbStartOfSimulation);
  settle(top);
  return true;
}

// Tells cocotb that time has moved on.
template <typename Top>
void step(Top& top) {
  VerilatedVpi::callCbs(cbNextSimTime);
  VerilatedVpi::callTimedCbs();
  settle(top);
}

}  // namespace hwgen

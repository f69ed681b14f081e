// SPDX-License-Identifier: Apache-2.0
// Drives every process of a batch with random valid and ready, and tells each word that comes out.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "Vbatch.h"
#include "verilated.h"

using Word = std::vector<uint32_t>;

template <class T>
void put(T& port, const Word& word) {
  uint64_t x = word[0];
  if (sizeof(T) > 4) x |= (uint64_t)word[1] << 32;
  port = (T)x;
}
template <std::size_t N>
void put(VlWide<N>& port, const Word& word) {
  for (std::size_t i = 0; i < N; ++i) port[i] = word[i];
}
template <class T>
void get(const T& port, Word& word) {
  word[0] = (uint32_t)port;
  if (sizeof(T) > 4) word[1] = (uint32_t)((uint64_t)port >> 32);
}
template <std::size_t N>
void get(const VlWide<N>& port, Word& word) {
  for (std::size_t i = 0; i < N; ++i) word[i] = port[i];
}

struct Input {
  std::string name;
  int bits;
  void (*drive)(Vbatch*, const Word&, bool);
  bool (*ready)(Vbatch*);
  std::vector<Word> data;
  size_t at = 0;
  bool offer = false, taken = false;
};
struct Output {
  std::string name;
  int bits;
  void (*ready)(Vbatch*, bool);
  bool (*valid)(Vbatch*);
  void (*data)(Vbatch*, Word&);
  bool held = false, before = false, accept = false;
  Word last;
};

inline Word zero(int bits) { return Word(bits <= 64 ? 2 : (bits + 31) / 32, 0); }

/// What stands on the wires while nothing is offered; Verilator wants the bits above a port's width to be 0.
inline Word junk(int bits) {
  Word word = zero(bits);
  for (int i = 0; i < bits; ++i) word[i / 32] |= (0xa5a5a5a5u >> i % 32 & 1) << i % 32;
  return word;
}

inline Word parse(const char* hex, int bits) {
  Word word = zero(bits);
  const int count = (int)strlen(hex);
  for (int i = 0; i < count; ++i) {
    const int digit = hex[count - 1 - i] <= '9' ? hex[count - 1 - i] - '0' : hex[count - 1 - i] - 'a' + 10;
    word[i / 8] |= (uint32_t)digit << (4 * (i % 8));
  }
  return word;
}

inline void load(const char* path, std::vector<Input>& inputs) {
  FILE* file = fopen(path, "r");
  static char name[256], hex[4096];
  while (fscanf(file, "%255s %4095s", name, hex) == 2) {
    for (Input& in : inputs) {
      if (in.name == name) in.data.push_back(parse(hex, in.bits));
    }
  }
  fclose(file);
}

// Arguments: file of input words, seed, percentage of valid, percentage of ready, idle cycles before the end. A process
// that writes on without reading ends after a multiple of them.
inline int drive(int argc, char** argv, std::vector<Input> inputs, std::vector<Output> outputs) {
  if (argc < 6) return 2;
  load(argv[1], inputs);
  const int seed = atoi(argv[2]), valid = atoi(argv[3]), ready = atoi(argv[4]), patience = atoi(argv[5]);
  VerilatedContext context;
  context.randReset(2);
  context.randSeed(seed + 1);
  Vbatch* top = new Vbatch{&context};
  std::mt19937 random(seed);
  auto chance = [&](int percent) { return (int)(random() % 100) < percent; };
  int idle = 0, unread = 0;
  for (int cycle = 0; idle < patience && unread < 20 * patience; ++cycle) {
    const bool reset = cycle < 3;
    top->ap_rst_n = !reset;
    top->ap_clk = 0;
    for (Input& in : inputs) {
      if (!in.offer) in.offer = !reset && in.at < in.data.size() && chance(valid);
      in.drive(top, in.offer ? in.data[in.at] : junk(in.bits), in.offer);
    }
    for (Output& out : outputs) out.ready(top, false);
    top->eval();
    for (Output& out : outputs) out.before = out.valid(top);
    for (Output& out : outputs) out.ready(top, out.accept = chance(ready));
    top->eval();
    bool moved = reset;
    for (Input& in : inputs) moved |= in.taken = in.offer && in.ready(top) && !reset;
    for (Output& out : outputs) {
      if (reset) continue;
      const bool now = out.valid(top);
      Word word = zero(out.bits);
      out.data(top, word);
      if (now != out.before) printf("! %s: tvalid depends on tready\n", out.name.c_str());
      if (out.held && !now) printf("! %s: tvalid fell before the word was taken\n", out.name.c_str());
      if (out.held && now && word != out.last) printf("! %s: tdata changed before it was taken\n", out.name.c_str());
      out.held = now && !out.accept;
      out.last = word;
      if (!now || !out.accept) continue;
      moved = true;
      printf("%s ", out.name.c_str());
      for (int i = (int)word.size() - 1; i >= 0; --i) printf("%08x", word[i]);
      printf("\n");
    }
    top->ap_clk = 1;
    top->eval();
    ++unread;
    for (Input& in : inputs) {
      if (!in.taken) continue;
      unread = 0;
      ++in.at;
      in.offer = false;
    }
    idle = moved ? 0 : idle + 1;
  }
  for (Input& in : inputs) {
    if (in.at < in.data.size()) printf("! %s: %zu words were not read\n", in.name.c_str(), in.data.size() - in.at);
  }
  top->final();
  delete top;
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A planned design cycle by cycle; hwgen/plan/simulate.py has the rules, fills in these tables and reads the results.
//
// A cycle has two halves. Processes look at what the channels showed when it began, so that their order does not
// matter; then the channels move. What cannot change is passed over: processes that are empty or wait for a channel,
// and channels that hold still.
#include <stdint.h>

namespace {

constexpr int64_t kSame = 4;  // frames of the same length after which a design that is too slow is taken to stay so

struct Stream {       // an input or an output of a process
  const int64_t* at;  // the iterations that read or write a word, ascending
  int64_t size;       // words of a frame
  int64_t channel;
  int64_t word;  // the next one
};

struct Process {
  int64_t size;                    // iterations of a frame; of a buffer: words that it writes
  int64_t depth;                   // cycles from reads to writes
  int64_t inputs, outputs, end;    // its streams: inputs from `inputs` on, outputs from `outputs` on
  uint8_t* pipe;                   // `depth` places: whether an iteration is there
  const int64_t *need, *base;      // of a buffer: the input word that each output word waits for, and the first
                                   // input word that each group of `group` output words keeps; else null
  int64_t group, total, capacity;  // words of such a group, of an input frame, and that fit the buffer
  int64_t at, out_at;              // the next iteration to enter, and to leave
  int64_t place, live, got;        // in the pipe; iterations in it; input words of this frame that a buffer has
  int64_t waits, since;            // for room in this channel (-1: for none), since then
};

struct Channel {
  int64_t room, memory;              // words that fit; whether they come out by a register behind a memory
  int64_t producer, consumer;        // processes; -1 at ports
  int64_t size;                      // words of a frame
  int64_t count, ahead, held;        // words in it, in the register behind its memory, in its producer's register
  int64_t valid, ready, taken, put;  // what it shows in this cycle, and what processes do with it
  int64_t blocked, out;              // cycles of the last frame for which its producer stood still; words given out
};

struct Run {
  Process* processes;
  Channel* channels;
  Stream* streams;
  uint64_t *awake, *moving;  // a bit for each process and each channel
  int64_t* ends;             // of the frames of every channel, filled in for outputs
  uint64_t* states;  // of the design at the end of every frame of the output `watched`; null: they do not matter
  int64_t process_words, channel_words, process_count, channel_count, outputs, watched, frames, limit, patience;
  int64_t idle, stall;  // of 65,536 cycles of a port
  uint64_t random;
  int64_t goal;                     // cycles a frame that are hoped for
  int64_t again;                    // a frame after which the state was the same as after the last one; -1: none yet
  int64_t now, moved, first, last;  // cycle; of the last move, the first input word, and when the last frame begins
};

void mark(uint64_t* bits, int64_t at) { bits[at >> 6] |= uint64_t{1} << (at & 63); }

bool chance(Run& run, int64_t of) {
  run.random ^= run.random << 13;
  run.random ^= run.random >> 7;
  run.random ^= run.random << 17;
  return static_cast<int64_t>(run.random >> 48) < of;
}

bool stuck(const Channel& c) { return c.held && !c.ready; }

// Settles what a channel shows in the next cycle, and wakes those who have waited for it.
void show(Run& run, int64_t number) {
  Channel& c = run.channels[number];
  const bool source = c.producer < 0, sink = c.consumer < 0, was_stuck = stuck(c), was_valid = c.valid;
  c.ready = sink ? !chance(run, run.stall) : c.count < c.room;
  c.valid = source ? !chance(run, run.idle) : c.memory ? c.ahead : c.count > 0;
  c.taken = c.put = 0;
  if (was_stuck && c.ready) mark(run.awake, c.producer);
  if (!sink && c.valid && !was_valid) mark(run.awake, c.consumer);
  const bool pauses = (source && run.idle) || (sink && run.stall);
  if (pauses || (c.held && c.ready) || (c.memory && !c.ahead && c.count)) mark(run.moving, number);
}

void give_out(Run& run, int64_t number, Channel& c) {
  if (++c.out % c.size) return;
  const int64_t frame = c.out / c.size;
  if (frame <= run.frames) run.ends[number * run.frames + frame - 1] = run.now;
  if (frame == run.frames - 1) run.last = run.now + 1;
  if (frame == run.frames) --run.outputs;
}

void move(Run& run, int64_t number) {
  Channel& c = run.channels[number];
  const bool given = c.held && c.ready;
  if (given || c.taken) run.moved = run.now;
  if (c.taken && c.producer < 0 && run.first < 0) run.first = run.now;
  if (given && c.consumer < 0) give_out(run, number, c);
  c.held = c.put || stuck(c);
  if (c.producer >= 0 && c.consumer >= 0) {
    const bool follow = !c.ahead || c.taken;
    const bool pop = c.memory ? follow && c.count : c.taken;
    if (c.memory && follow) c.ahead = pop;
    c.count += given - pop;
  }
  show(run, number);
}

// Notes what a process waits for from now on: room in a channel, or -1.
void waits(Run& run, Process& p, int64_t channel) {
  if (p.waits == channel) return;
  const int64_t since = p.since > run.last ? p.since : run.last;
  if (p.waits >= 0 && since < run.now) run.channels[p.waits].blocked += run.now - since;
  p.waits = channel;
  p.since = run.now;
}

int64_t without_room(const Run& run, const Process& p) {
  for (int64_t i = p.outputs; i < p.end; ++i) {
    const Stream& s = run.streams[i];
    if (s.at[s.word] == p.out_at && stuck(run.channels[s.channel])) return s.channel;
  }
  return -1;
}

bool may_enter(const Run& run, const Process& p) {
  if (p.need) return p.need[p.at] < p.got;
  for (int64_t i = p.inputs; i < p.outputs; ++i) {
    const Stream& s = run.streams[i];
    if (s.at[s.word] == p.at && !run.channels[s.channel].valid) return false;
  }
  return true;
}

// Touches the channels of streams `from` to `to` that iteration `at` reads or writes.
template <int64_t Channel::* Done>
void touch(Run& run, int64_t from, int64_t to, int64_t at) {
  for (int64_t i = from; i < to; ++i) {
    Stream& s = run.streams[i];
    if (s.at[s.word] != at) continue;
    run.channels[s.channel].*Done = 1;
    mark(run.moving, s.channel);
    if (++s.word == s.size) s.word = 0;
  }
}

bool take_into_buffer(Run& run, Process& p) {
  const int64_t input = run.streams[p.inputs].channel;
  if (p.got - p.base[p.at / p.group] >= p.capacity || !run.channels[input].valid) return false;
  run.channels[input].taken = 1;
  mark(run.moving, input);
  return true;
}

// Lets a process's pipeline move on, unless the iteration that leaves it has to wait for room.
void step(Run& run, int64_t number) {
  Process& p = run.processes[number];
  const bool enters = may_enter(run, p);
  const int64_t next = p.place + 1 == p.depth ? 0 : p.place + 1;
  const bool leaves = next == p.place ? enters : p.pipe[next];
  const int64_t full = leaves ? without_room(run, p) : -1;
  waits(run, p, full);
  if (full >= 0) return;
  p.pipe[p.place] = enters;
  p.place = next;
  p.live += enters - leaves;
  const bool took = p.need && take_into_buffer(run, p);
  p.got += took;
  if (enters) {
    run.moved = run.now;
    if (!p.need) touch<&Channel::taken>(run, p.inputs, p.outputs, p.at);
    if (++p.at == p.size) p.at = 0, p.got -= p.total;
  }
  if (leaves) {
    touch<&Channel::put>(run, p.outputs, p.end, p.out_at);
    if (++p.out_at == p.size) p.out_at = 0;
  }
  if (enters || took || p.live) mark(run.awake, number);
}

// Does something for every bit that is set, and clears them before.
template <void (*Do)(Run&, int64_t)>
void each(Run& run, uint64_t* bits, int64_t words) {
  for (int64_t i = 0; i < words; ++i) {
    uint64_t left = bits[i];
    bits[i] = 0;
    for (; left; left &= left - 1) Do(run, i * 64 + __builtin_ctzll(left));
  }
}

void mix(uint64_t& hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  hash ^= hash >> 29;
}

uint64_t state(const Run& run) {
  uint64_t hash = 0;
  for (int64_t i = 0; i < run.process_count; ++i) {
    const Process& p = run.processes[i];
    mix(hash, p.at), mix(hash, p.out_at), mix(hash, p.got);
    for (int64_t back = 1; p.live && back < p.depth; ++back) {
      mix(hash, p.pipe[p.place < back ? p.place - back + p.depth : p.place - back]);
    }
  }
  for (int64_t i = 0; i < run.channel_count; ++i) {
    const Channel& c = run.channels[i];
    mix(hash, (static_cast<uint64_t>(c.count) << 2) | (c.ahead << 1) | c.held);
    if (c.consumer < 0) mix(hash, c.out % c.size);
  }
  return hash;
}

// Looks whether the design was in the state before that it is in at the end of a frame: from there on all repeats.
// Somewhere FIFOs may go on filling for long: frames that keep taking the same time, above the goal, are taken to.
void look_back(Run& run, int64_t frame) {
  run.states[frame] = state(run);
  for (int64_t i = 0; i < frame && run.again < 0; ++i) {
    if (run.states[i] == run.states[frame]) run.again = i;
  }
  if (run.again >= 0 || frame < kSame) return;
  const int64_t* ends = run.ends + run.watched * run.frames + frame;
  const int64_t interval = ends[0] - ends[-1];
  bool same = interval > run.goal;
  for (int64_t back = 1; back < kSame; ++back) same = same && ends[-back] - ends[-back - 1] == interval;
  if (same) run.again = frame - 1;
}

}  // namespace

// Runs until every output has given all frames, all repeats, nothing moves any more, or the limit is reached.
extern "C" void hwgen_run(Run* run) {
  const Channel& watched = run->channels[run->watched];
  int64_t frames = 0;
  each<show>(*run, run->moving, run->channel_words);
  while (run->outputs > 0 && run->again < 0 && run->now < run->limit && run->now - run->moved <= run->patience) {
    each<step>(*run, run->awake, run->process_words);
    each<move>(*run, run->moving, run->channel_words);
    ++run->now;
    if (run->states && frames < run->frames && watched.out == (frames + 1) * watched.size) look_back(*run, frames++);
  }
  for (int64_t i = 0; i < run->process_count; ++i) waits(*run, run->processes[i], -1);
}

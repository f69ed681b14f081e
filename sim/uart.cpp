// SPDX-License-Identifier: Apache-2.0
// A board with a UART, simulated at the pins: a pseudo-terminal stands for the serial port. What is written to it goes
// to uart_rx bit by bit, what uart_tx sends can be read from it. Arguments: the board's clock in Hz, the host's baud.
//
// The first line on stdout is the terminal's name. Each line on stdin is a command, answered by a line:
//   span       clocks from the first bit on the line to the last, since this was asked before
//   leds       the LEDs as a number
//   reset N    resets the board when N more bytes have come in; "ok" at once
// The end of stdin ends the program. Time stands still after a simulated second without anything on the line.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>

#include "Vhwgen_bench.h"

namespace {

constexpr int kResetCycles = 8;
constexpr int kLook = 64;  // clocks from one look at the terminal to the next
constexpr int kFrameBits = 10;

// One side of a line: tells in which clock a bit begins.
struct Pace {
  long long clock_hz, baud, phase = 0;
  bool step() {
    phase += baud;
    if (phase < clock_hz) return false;
    phase -= clock_hz;
    return true;
  }
};

class Board {
 public:
  Board(long long clock_hz, long long baud) : out_{clock_hz, baud}, in_{clock_hz, baud}, patience_(clock_hz) {
    top_->rx = 1;
    reset();
  }

  // Puts a terminal before the line and prints its name.
  bool open() {
    master_ = posix_openpt(O_RDWR | O_NOCTTY);
    if (master_ < 0 || grantpt(master_) || unlockpt(master_)) return false;
    const char* name = ptsname(master_);
    const int keep = name ? ::open(name, O_RDWR | O_NOCTTY) : -1;  // else reading fails while nobody has it open
    termios mode;
    if (keep < 0 || tcgetattr(keep, &mode)) return false;
    cfmakeraw(&mode);
    if (tcsetattr(keep, TCSANOW, &mode)) return false;
    std::printf("%s\n", name);
    std::fflush(stdout);
    return true;
  }

  // Runs until stdin ends.
  void run() {
    while (look()) {
      for (int i = 0; i < kLook || !pending_.empty() || left_; ++i) cycle();
    }
  }

 private:
  void clock() {
    for (int half = 0; half < 2; ++half) {
      context_.timeInc(1);
      top_->clk = !top_->clk;
      top_->eval();
    }
    ++cycles_;
  }

  void reset() {
    top_->rst_n = 0;
    for (int i = 0; i < kResetCycles; ++i) clock();
    top_->rst_n = 1;
    taking_ = 0;
  }

  void cycle() {
    send();
    clock();
    receive();
    if (quiet_ == 0) {
      if (first_ == 0) first_ = cycles_;
      last_ = cycles_;
    }
  }

  // The host's bits: the next one, or the next byte's start bit.
  void send() {
    if (left_ == 0) {
      if (pending_.empty()) return;
      bits_ = (static_cast<unsigned char>(pending_.front()) << 1) | 0x200;
      pending_.pop_front();
      left_ = kFrameBits;
      out_.phase = 0;
    }
    top_->rx = bits_ & 1;
    if (!out_.step()) return;
    bits_ >>= 1;
    if (--left_ == 0 && until_reset_ > 0 && --until_reset_ == 0) reset();
  }

  // The board's bits, each taken in its middle.
  void receive() {
    quiet_ = left_ ? 0 : quiet_ + 1;
    if (taking_ == 0) {
      if (top_->tx) return;
      taking_ = kFrameBits;
      in_.phase = in_.clock_hz / 2;
    }
    quiet_ = 0;
    if (!in_.step()) return;
    byte_ = (byte_ >> 1) | (top_->tx ? 0x200 : 0);
    if (--taking_ == 0) {
      const char byte = static_cast<char>(byte_ >> 1);
      if (write(master_, &byte, 1) != 1) std::fprintf(stderr, "a byte was lost at the terminal\n");
    }
  }

  // Takes what the host has written and asked for; false at the end of stdin.
  bool look() {
    pollfd watched[] = {{master_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(watched, 2, quiet_ > patience_ ? -1 : 0) <= 0) return true;
    char text[4096];
    if (watched[0].revents & POLLIN) {
      const ssize_t count = read(master_, text, sizeof text);
      if (count > 0) pending_.insert(pending_.end(), text, text + count);
    }
    if (watched[1].revents) {
      const ssize_t count = read(STDIN_FILENO, text, sizeof text);
      if (count <= 0) return false;
      command_.append(text, static_cast<std::size_t>(count));
      for (std::size_t end; (end = command_.find('\n')) != std::string::npos; command_.erase(0, end + 1)) {
        obey(command_.substr(0, end));
      }
    }
    return true;
  }

  void obey(const std::string& line) {
    if (line == "span") {
      std::printf("%lld\n", last_ - first_);
      first_ = last_ = 0;
    } else if (line == "leds") {
      std::printf("%d\n", top_->leds);
    } else if (std::sscanf(line.c_str(), "reset %lld", &until_reset_) == 1) {
      std::printf("ok\n");
    } else {
      std::printf("unknown\n");
    }
    std::fflush(stdout);
  }

  VerilatedContext context_;
  std::unique_ptr<Vhwgen_bench> top_ = std::make_unique<Vhwgen_bench>(&context_, "");
  Pace out_, in_;
  long long patience_, cycles_ = 0, first_ = 0, last_ = 0, quiet_ = 0, until_reset_ = 0;
  int master_ = -1, left_ = 0, taking_ = 0;
  unsigned bits_ = 0, byte_ = 0;
  std::deque<char> pending_;
  std::string command_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Board board(std::atoll(argv[1]), std::atoll(argv[2]));
  if (!board.open()) {
    std::perror("no pseudo-terminal");
    return 1;
  }
  board.run();
  return 0;
}

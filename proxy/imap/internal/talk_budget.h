// TalkBudget: what a client may say before it has logged in, in all: commands, and bytes. It bounds
// the processor time that a stranger's connection can cost, whatever it says. Values; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace postern::imap {

class TalkBudget {
 public:
  // A piece (a segment, a TLS record) costs what so many bytes cost, for it may cost a turn of the
  // loop, whatever its size: up to 50 us on a busy machine.
  static constexpr size_t kPiece = 512;

  TalkBudget(uint32_t commands, size_t bytes) : commands_(commands), bytes_(capped(bytes)) {}

  void piece(size_t bytes) { take(bytes_, capped(bytes + kPiece)); }
  void command() { take(commands_, 1); }
  bool spent() const { return spent_; }
  uint32_t commands_left() const { return commands_; }

 private:
  // Every idle session keeps one: four bytes each are enough.
  static uint32_t capped(size_t bytes) {
    return static_cast<uint32_t>(std::min<size_t>(bytes, UINT32_MAX));
  }
  void take(uint32_t& left, uint32_t cost) {
    spent_ = spent_ || cost > left;
    left -= spent_ ? left : cost;
  }

  uint32_t commands_;
  uint32_t bytes_;
  bool spent_ = false;
};

}  // namespace postern::imap

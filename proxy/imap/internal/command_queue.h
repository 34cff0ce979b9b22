// CommandQueue: the commands that wait for their tagged response, oldest first. A value of one
// Conversation; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "proxy/imap/command.h"

namespace postern::imap {

class CommandQueue {
 public:
  // A position is that of an entry, or the end; an entry of the queue is valid until the next
  // change.
  using Position = uint32_t;
  static constexpr Position kNowhere = UINT32_MAX;

  struct Entry {
    Position position;
    Position end;  // of this one, where the next begins
    Command command;
    bool had_plus;     // IDLE: the server has said "+" to it
    uint32_t sent_ms;  // 0: not sent in full yet, or an IDLE
    std::string_view tag;
  };

  bool empty() const { return bytes_.empty(); }
  uint32_t count() const { return count_; }
  Position end() const { return static_cast<Position>(bytes_.size()); }
  Entry at(Position position) const;
  // The oldest with this tag, or kNowhere.
  Position find(std::string_view tag) const;
  bool has_login(Position begin, Position end) const;

  void append(std::string_view tag, Command command);
  // The newest, which is no IDLE, is sent in full.
  void sent(uint32_t now_ms);
  void set_plus(Position position);
  void remove(const Entry& entry);
  // Removes the oldest, up to there.
  void remove_before(Position end);
  void clear() { remove_before(end()); }
  void remove_all_but(Command command);

 private:
  // Layout of one entry: the command, the tag's length, the tag, and when it was sent, but for
  // IDLE.
  static constexpr size_t kLengthAt = 1;
  static constexpr size_t kTagAt = 2;
  static constexpr size_t kTimeSize = sizeof(uint32_t);
  static constexpr uint8_t kHadPlus = 0x80;  // set in the command
  static_assert(kCountOf<Command> <= kHadPlus);

  void give_memory_back();

  // One short entry (the IDLE of a session at rest) fits into the string object, so that waiting
  // for mail costs no heap.
  std::string bytes_;
  uint32_t count_ = 0;
};

inline CommandQueue::Entry CommandQueue::at(Position position) const {
  const char* const entry = bytes_.data() + position;
  const auto command = static_cast<uint8_t>(entry[0]);
  const auto length = static_cast<uint8_t>(entry[kLengthAt]);
  Entry found{.position = position,
              .end = position + static_cast<Position>(kTagAt) + length,
              .command = static_cast<Command>(command & ~kHadPlus),
              .had_plus = (command & kHadPlus) != 0,
              .sent_ms = 0,
              .tag = {entry + kTagAt, length}};
  if (found.command != Command::Idle) {
    std::memcpy(&found.sent_ms, entry + kTagAt + length, kTimeSize);
    found.end += static_cast<Position>(kTimeSize);
  }
  return found;
}

}  // namespace postern::imap

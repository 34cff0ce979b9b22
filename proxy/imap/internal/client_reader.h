// ClientReader: the client's half of Filter after login. All bytes pass as they are; it only
// follows the commands in them, to match the answers that come back. One thread. Idle, it owns no
// heap memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/imap/command.h"
#include "proxy/imap/internal/filter_state.h"
#include "proxy/imap/internal/scanner.h"

namespace postern::imap {

class ClientReader {
 public:
  // Passes on what it takes and returns how many bytes that is: all, except those after an
  // UNAUTHENTICATE, which may hold logins.
  size_t feed(Bytes bytes, FilterState& shared);
  // Within a line or a literal that the client goes on with by itself.
  bool mid_command(const FilterState& shared) const {
    return !scanner_.at_line_start() && !shared.conversation.opaque() &&
           shared.conversation.turn() != Conversation::Turn::AwaitLiteral;
  }

 private:
  enum class Line : uint8_t {
    Unread,   // a command whose head is not complete yet
    Command,  // a command whose head was read, or does not matter
    IdleEnd,
  };

  size_t step(Bytes bytes, FilterState& shared);
  size_t literal(Bytes bytes, FilterState& shared);
  size_t line(Bytes bytes, FilterState& shared);
  void begin_line(Bytes bytes, Conversation& conversation);
  void head(std::string_view piece, bool complete, Conversation& conversation);
  void begin_command(const CommandHead& found, Conversation& conversation);
  void literal_announced(FilterState& shared);
  void line_ended(Conversation& conversation);
  void lose_track(Conversation& conversation);

  Scanner scanner_;
  Line line_ = Line::Command;
  bool takes_literals_ = false;  // the command of this line
  std::string head_;             // a copy of the start of a line that comes in pieces
};

}  // namespace postern::imap

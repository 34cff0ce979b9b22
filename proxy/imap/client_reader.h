// ClientReader: the client's half of Filter after login. All bytes pass as they are; it only
// follows which commands they are, to know whose answers come back. One thread. Idle, it owns no
// heap memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/imap/command.h"
#include "proxy/imap/filter_state.h"
#include "proxy/imap/scanner.h"

namespace postern::imap {

class ClientReader {
 public:
  // Passes on what it takes and returns how many bytes that are: all, but for what follows an
  // UNAUTHENTICATE, after which there may be logins.
  size_t feed(Bytes bytes, FilterState& shared);

 private:
  enum class Line : uint8_t {
    Unread,   // a command whose head is not here in full
    Command,  // one whose head was read, or is of no interest
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
  bool takes_literals_ = false;  // the command whose line this is
  std::string head_;             // a copy of the start of a line that came in pieces
};

}  // namespace postern::imap

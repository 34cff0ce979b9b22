// ClientReader: the client's half of Filter. It follows commands, literals, SASL lines and IDLE,
// takes STARTTLS out, edits ID, and stops taking bytes where their meaning depends on the server.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/secret.h"
#include "proxy/imap/filter_parts.h"
#include "proxy/imap/scanner.h"

namespace postern::imap {

class ClientReader {
 public:
  ClientReader() = default;
  ClientReader(const ClientReader&) = delete;
  ClientReader& operator=(const ClientReader&) = delete;
  ~ClientReader() { wipe(held_); }

  // Passes on what may pass and returns how many bytes were taken.
  size_t feed(Bytes bytes, FilterShared& shared);

 private:
  enum class Line : uint8_t {
    Command,  // passes
    Refused,  // swallowed, literals and all
    Id,       // held until it is complete
    Sasl,     // passes unread
  };

  void step(Passage& passage, FilterShared& shared);
  void command_head(Passage& passage, FilterShared& shared);
  void refuse(std::string_view tag, std::string_view why, FilterShared& shared);
  void hold_id(Passage& passage, FilterShared& shared);
  void read_id(Bytes piece, FilterShared& shared);
  void pass_id(FilterShared& shared);
  void refuse_id(FilterShared& shared);
  void idle_line(Passage& passage, FilterShared& shared);
  void rest_of_line(Passage& passage, FilterShared& shared);
  size_t read_line(Bytes piece, FilterShared& shared);
  void literal_found(FilterShared& shared);
  void line_ended(FilterShared& shared);

  Scanner scanner_;
  Line line_ = Line::Command;
  std::string held_;  // the start of a line whose meaning is not decided yet
};

}  // namespace postern::imap

// Command: the meaning of a client's line, as far as the gateway needs it. Pure functions over
// views of one line, or of its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::imap {

// The commands that change how bytes are read or what state the session is in.
enum class Command : uint8_t {
  Other,
  Login,
  Authenticate,
  StartTls,
  Idle,
  Compress,
  Logout,
  Unauthenticate,
  Id,
  Bare,  // NOOP and others without a string among their arguments
};
Command command_named(std::string_view name);
constexpr bool is_login(Command command) {
  return command == Command::Login || command == Command::Authenticate;
}
// Whether its arguments may be literals. At a literal in any other command, each server gives up in
// its own way.
constexpr bool takes_literals(Command command) {
  return command == Command::Other || command == Command::Login || command == Command::Id;
}

// The first words of a client's line. The parser is lax: any number of spaces may separate them,
// and the name ends at the first octet that no atom may have, so that any line which some server
// may read as a LOGIN is one here. `strict` says that all servers find the same words.
struct CommandHead {
  bool decided = false;  // more bytes cannot change these members
  bool strict = false;   // starts with a tag that may be repeated, and a whole word follows it
  bool named = false;    // a word follows the tag
  std::string_view tag;
  size_t length = 0;  // up to the end of the name
  Command command = Command::Other;
};
CommandHead parse_command_head(std::string_view line);

// Whether a tagged response can carry this tag, as that of a strict head. For any other, a server
// can only say "* BAD".
bool is_answerable(std::string_view tag);

// Whether every server reads `line`, given without its line end, as exactly one line: no control
// character, no open quoted string, and nothing that could announce a literal.
bool is_one_line(std::string_view line);

// "DONE", with or without a line end (RFC 2177).
bool is_done(std::string_view line);

// Whether `text` may answer a server's SASL challenge (RFC 9051 §6.2.2): base64, nothing at all,
// "=" for an empty initial response, or "*" to give up.
bool is_sasl_response(std::string_view text);

}  // namespace postern::imap

// Command: what a line of the client's says, as far as the gateway needs it. Pure functions over
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
// Whether its arguments may be literals. Servers give others up at one, each in its own way.
bool takes_literals(Command command);

// The first words of a client's line. They are found laxly, with any number of spaces between them
// and a name that ends at the first octet which no atom may have: what any server may take for a
// LOGIN is one here. `strict` says that all servers find the same words.
struct CommandHead {
  bool decided = false;  // more bytes cannot change what stands here
  bool strict = false;   // starts with a tag that may be repeated, and a whole word follows it
  bool named = false;    // a word follows the tag
  std::string_view tag;
  size_t length = 0;  // up to the end of the name
  Command command = Command::Other;
};
CommandHead parse_command_head(std::string_view line);

// Whether a tagged response can carry this tag. To any other, a server can only say "* BAD".
bool is_answerable(std::string_view tag);

// Whether every server reads `line`, which is without its line end, as one line and nothing else:
// no control character, no open quoted string, and nothing that could announce a literal.
bool is_one_line(std::string_view line);

// "DONE", with or without a line end (RFC 2177).
bool is_done(std::string_view line);

// Whether `text` is what a client may say to a server's SASL challenge (RFC 9051 §6.2.2): base64,
// nothing at all, "=" for an empty initial response, or "*" to give up.
bool is_sasl_response(std::string_view text);

}  // namespace postern::imap

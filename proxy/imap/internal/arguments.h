// Arguments: reads the strings of a complete client command, literals included, and builds commands
// from such strings again, so that every server reads them alike. Pure values; what they hold may
// be a secret, which its owner must wipe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

// Reads arguments off the front of `text`, which ends with the command's line end. Each call
// removes what it reads; after a call returned false the reader is of no further use.
class ArgumentReader {
 public:
  explicit ArgumentReader(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool at_end() const;
  bool take(char c);
  size_t spaces();

  // astring (RFC 9051 §9) or what servers accept as one: an atom, quoted string or literal. An atom
  // ends at a space or the line end, in a list at ")" too, and has no octet that could begin
  // something else.
  bool string(std::string& value);
  bool was_atom() const { return atom_; }
  bool was_literal() const { return literal_; }

 private:
  bool atom(std::string& value);
  bool quoted(std::string& value);
  bool literal(std::string& value);

  std::string_view rest_;
  bool atom_ = false;
  bool literal_ = false;
};

// Whether every server reads `octets` alike in a quoted string: printable ASCII only.
bool is_plainly_quotable(std::string_view octets);
// Appends `octets` to `text` as a quoted string.
void append_quoted(std::string& text, std::string_view octets);

// Appends `octets` to the command that consists of `parts`: as a quoted string if every server
// accepts that, else as a synchronising literal, which begins a new part. A part is sent once the
// server has answered the one before it with "+".
void append_string(std::vector<std::string>& parts, std::string_view octets);

}  // namespace postern::imap

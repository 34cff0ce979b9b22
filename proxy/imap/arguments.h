// Arguments: the strings of a client's command that is here as a whole, its literals included, and
// commands put together from such strings anew, so that every server reads them alike. Pure values;
// what they hold may be a secret and is for its owner to wipe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

// Reads arguments off the front of `text`, which ends with the command's line end. Each call takes
// what it names away, or says false and takes nothing of use.
class ArgumentReader {
 public:
  explicit ArgumentReader(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool at_end() const;
  bool take(char c);
  size_t spaces();

  // astring (RFC 9051 §9) or what servers take for one: an atom, quoted string or literal. An atom
  // ends at a space or the line end, in a list at ")" too, and has no octet that could begin
  // something else.
  bool string(std::string& value);
  // What the last string() has read stands so in the command.
  std::string_view raw() const { return raw_; }
  bool was_atom() const { return atom_; }
  bool was_literal() const { return literal_; }

 private:
  bool atom(std::string& value);
  bool quoted(std::string& value);
  bool literal(std::string& value);

  std::string_view rest_;
  std::string_view raw_;
  bool atom_ = false;
  bool literal_ = false;
};

// Whether `octets` stand in a quoted string for every server: printable ASCII only.
bool is_plainly_quotable(std::string_view octets);
// Appends `octets` to `text` as a quoted string.
void append_quoted(std::string& text, std::string_view octets);

// Appends `octets` to the command whose parts these are: as a quoted string where every server
// takes that, else as a synchronising literal, which ends a part. A part is sent once the server
// has said
// "+" to the one before it.
void append_string(std::vector<std::string>& parts, std::string_view octets);

}  // namespace postern::imap

#include "proxy/imap/internal/arguments.h"

#include <algorithm>
#include <charconv>

#include "proxy/base/secret.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

// False for what ends an atom or is read differently by servers. "%", "*" and "]" occur in
// passwords that clients do not quote, and servers accept them.
constexpr bool may_be_in_atom(char c) {
  return !is_control(c) && std::string_view(" \"(){\\").find(c) == std::string_view::npos;
}

constexpr bool is_printable_ascii(char c) {
  return c >= ' ' && c <= '~';
}

}  // namespace

bool ArgumentReader::at_end() const {
  return without_line_end(rest_).empty();
}

bool ArgumentReader::take(char c) {
  const bool there = at(c);
  rest_.remove_prefix(there ? 1 : 0);
  return there;
}

size_t ArgumentReader::spaces() {
  return skip_spaces(rest_);
}

bool ArgumentReader::string(std::string& value) {
  wipe(value);
  literal_ = at('{');
  atom_ = !literal_ && !at('"');
  return literal_ ? literal(value) : atom_ ? atom(value) : quoted(value);
}

bool ArgumentReader::atom(std::string& value) {
  const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), may_be_in_atom);
  const auto size = static_cast<size_t>(end - rest_.begin());
  append_secret(value, rest_.substr(0, size));
  rest_.remove_prefix(size);
  return size > 0 && !rest_.empty() &&
         (rest_.front() == ' ' || rest_.front() == ')' || is_line_end(rest_.front()));
}

// Removes a backslash before any character, as Dovecot does: a server that removes fewer reads a
// name that it does not know.
bool ArgumentReader::quoted(std::string& value) {
  take('"');
  while (!rest_.empty() && !at('"')) {
    take('\\');
    if (rest_.empty() || is_line_end(rest_.front()) || at('\0')) {
      return false;
    }
    append_secret(value, rest_.substr(0, 1));
    rest_.remove_prefix(1);
  }
  return take('"');
}

// {n} or {n+} and its octets, which are all in `rest_`.
bool ArgumentReader::literal(std::string& value) {
  take('{');
  size_t size = 0;
  const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
  rest_.remove_prefix(static_cast<size_t>(parsed.ptr - rest_.data()));
  take('+');
  if (parsed.ec != std::errc() || !take('}')) {
    return false;
  }
  take('\r');
  if (!take('\n') || size > rest_.size()) {
    return false;
  }
  const std::string_view octets = rest_.substr(0, size);
  if (octets.find('\0') != std::string_view::npos) {
    return false;  // CHAR8 (RFC 9051 §9); Dovecot ends the string there
  }
  append_secret(value, octets);
  rest_.remove_prefix(size);
  return true;
}

bool is_plainly_quotable(std::string_view octets) {
  return std::all_of(octets.begin(), octets.end(), is_printable_ascii);
}

void append_quoted(std::string& text, std::string_view octets) {
  append_secret(text, "\"");
  for (const char& c : octets) {
    if (c == '"' || c == '\\') {
      append_secret(text, "\\");
    }
    append_secret(text, {&c, 1});
  }
  append_secret(text, "\"");
}

void append_string(std::vector<std::string>& parts, std::string_view octets) {
  if (is_plainly_quotable(octets)) {
    append_quoted(parts.back(), octets);
    return;
  }
  parts.back().append("{").append(std::to_string(octets.size())).append("}\r\n");
  parts.emplace_back(octets);
}

}  // namespace postern::imap

// Syntax: the character classes and words of IMAP that the rest of this room needs (RFC 9051 §9),
// and the limits that make a line's head finite. Pure functions over views.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::imap {

inline constexpr size_t kMaxTag = 255;       // a longer word is no tag
inline constexpr size_t kMaxEchoedTag = 64;  // a longer tag is not repeated in our own answers
inline constexpr size_t kMaxHead = 512;      // how much of a line's start is read
inline constexpr size_t kMaxCode = 24;       // the known response codes are shorter

constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// IMAP's words are ASCII and compare without case (RFC 9051 §9, rule 1).
constexpr bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && upper(a[i]) != upper(b[i])) {  // most are written in upper case
      return false;
    }
  }
  return true;
}

constexpr bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && same_word(text.substr(0, word.size()), word);
}

// ATOM-CHAR (RFC 9051 §9): any CHAR except CTL, SP, ( ) { % * " \ and ]. A table, because every
// command is read with it.
inline constexpr auto kAtomChars = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '!'; c < 0x7f; ++c) {
    table[c] = std::string_view("(){%*\"\\]").find(static_cast<char>(c)) == std::string_view::npos;
  }
  return table;
}();
constexpr bool is_atom_char(char c) {
  return kAtomChars[static_cast<unsigned char>(c)];
}

// tag = 1*<any ASTRING-CHAR except "+">, where ASTRING-CHAR is ATOM-CHAR or "]" (RFC 9051 §9). Only
// such a tag is repeated in our own answers, so that no client can inject anything into them.
constexpr bool is_echoable_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > kMaxEchoedTag) {
    return false;
  }
  for (const char c : tag) {
    if ((!is_atom_char(c) && c != ']') || c == '+') {
      return false;
    }
  }
  return true;
}

// CTL of RFC 5234 §B.1. A client's line may have one only in its line end (RFC 9051 §9).
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

constexpr bool is_line_end(char c) {
  return c == '\r' || c == '\n';
}

// The line without its CRLF, or its bare LF, which old servers send.
constexpr std::string_view without_line_end(std::string_view line) {
  if (!line.empty() && line.back() == '\n') {
    line.remove_suffix(1);
  }
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  return line;
}

// Takes the word before the next SP, CR or LF off `rest`, leaving the separator there.
constexpr std::string_view take_word(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && rest[end] != ' ' && !is_line_end(rest[end])) {
    ++end;
  }
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

// Takes the atom at the front of `rest` off it.
constexpr std::string_view take_atom(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && is_atom_char(rest[end])) {
    ++end;
  }
  const std::string_view atom = rest.substr(0, end);
  rest.remove_prefix(end);
  return atom;
}

// Returns how many there were.
constexpr size_t skip_spaces(std::string_view& rest) {
  size_t count = 0;
  while (count < rest.size() && rest[count] == ' ') {
    ++count;
  }
  rest.remove_prefix(count);
  return count;
}

}  // namespace postern::imap

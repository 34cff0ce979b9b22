#include "proxy/log/escape.h"

#include <algorithm>
#include <cstdint>

namespace postern {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// The letter after the backslash in the escapes that C and JSON share; 0 for all other bytes.
char short_escape(char byte) {
  switch (byte) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '"':
    case '\\':
      return byte;
    default:
      return 0;
  }
}

bool is_printable(char byte) {
  return byte >= ' ' && byte <= '~';
}

// How an ASCII character, or an octet that is none, is written in C.
std::string in_c(char byte) {
  if (const char letter = short_escape(byte); letter != 0) {
    return {'\\', letter};
  }
  if (is_printable(byte)) {
    return {byte};
  }
  const auto code = static_cast<unsigned char>(byte);
  return {'\\', 'x', kHex[code >> 4], kHex[code & 15]};
}

struct Character {
  char32_t code;
  size_t octets;  // 0: what comes first is no UTF-8
};

// The character at the start of `bytes`, by RFC 3629: no overlong form, no surrogate, at most
// U+10FFFF.
Character first_character(std::string_view bytes) {
  const auto first = static_cast<uint8_t>(bytes.front());
  if (first < 0x80) {
    return {first, 1};
  }
  const size_t octets = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < octets) {
    return {0, 0};
  }
  char32_t code = first & (0xffU >> (octets + 1));
  for (const char next : bytes.substr(1, octets - 1)) {
    const auto octet = static_cast<uint8_t>(next);
    if ((octet & 0xc0U) != 0x80U) {
      return {0, 0};
    }
    code = code << 6U | (octet & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool good = code >= kLeast[octets] && code <= 0x10ffff && !surrogate;
  return good ? Character{code, octets} : Character{0, 0};
}

void append_unit(std::string& out, char32_t unit) {
  out.append("\\u").append(
      {kHex[unit >> 12U & 15U], kHex[unit >> 8U & 15U], kHex[unit >> 4U & 15U], kHex[unit & 15U]});
}

// The start of `bytes` in JSON; removes it from `bytes`.
std::string take_in_json(std::string_view& bytes) {
  const Character character = first_character(bytes);
  const char byte = bytes.front();
  bytes.remove_prefix(std::max<size_t>(character.octets, 1));
  std::string text;
  if (character.octets == 0) {
    return "\\" + in_c(byte);
  }
  if (character.code < 0x80 && (is_printable(byte) || short_escape(byte) != 0)) {
    return in_c(byte);
  }
  if (character.code > 0xffff) {
    append_unit(text, 0xd800 + ((character.code - 0x10000) >> 10U));
    append_unit(text, 0xdc00 + ((character.code - 0x10000) & 0x3ffU));
  } else {
    append_unit(text, character.code);
  }
  return text;
}

std::string take_in_c(std::string_view& bytes) {
  const char byte = bytes.front();
  bytes.remove_prefix(1);
  return in_c(byte);
}

template <typename Take>
void append(std::string& out, std::string_view bytes, size_t limit, Take take) {
  size_t used = 0;
  while (!bytes.empty()) {
    const std::string piece = take(bytes);
    if (used + piece.size() > limit) {
      out += "...";
      return;
    }
    used += piece.size();
    out += piece;
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes, size_t limit) {
  append(out, bytes, limit, take_in_c);
}

void append_json_escaped(std::string& out, std::string_view bytes, size_t limit) {
  append(out, bytes, limit, take_in_json);
}

std::string in_quotes(std::string_view bytes, size_t limit) {
  std::string out = "\"";
  append_escaped(out, bytes, limit);
  out += '"';
  return out;
}

}  // namespace postern

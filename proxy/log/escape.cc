#include "proxy/log/escape.h"

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

void append(std::string& out, std::string_view bytes, size_t limit, std::string_view hex_prefix) {
  size_t used = 0;
  for (const char byte : bytes) {
    const char letter = short_escape(byte);
    const size_t length = letter != 0 ? 2 : is_printable(byte) ? 1 : hex_prefix.size() + 2;
    if (used + length > limit) {
      out += "...";
      return;
    }
    used += length;
    if (letter != 0) {
      out += '\\';
      out += letter;
    } else if (is_printable(byte)) {
      out += byte;
    } else {
      const auto code = static_cast<unsigned char>(byte);
      out.append(hex_prefix).append({kHex[code >> 4], kHex[code & 15]});
    }
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes, size_t limit) {
  append(out, bytes, limit, "\\x");
}

void append_json_escaped(std::string& out, std::string_view bytes, size_t limit) {
  append(out, bytes, limit, "\\u00");
}

std::string in_quotes(std::string_view bytes, size_t limit) {
  std::string out = "\"";
  append_escaped(out, bytes, limit);
  out += '"';
  return out;
}

}  // namespace postern

// Escaping: makes untrusted bytes safe to print on one line. The result is printable ASCII whatever
// the input, so that no value can forge a line, break a format or control a terminal. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

// Appends `bytes` with C's escapes (\n, \", \\, \x1b): at most `limit` characters, then "..." if
// something was cut. An escape is never cut in two.
void append_escaped(std::string& out, std::string_view bytes, size_t limit);

// The same for the inside of a JSON string. Characters of UTF-8 beyond ASCII become \u escapes
// (above U+FFFF a surrogate pair, RFC 8259 §7), so a reader gets back what came; so no
// control character of C1 and no change of direction stands in the line itself. An octet that is no
// UTF-8 becomes \\xff: the reader gets a backslash, x and two digits.
void append_json_escaped(std::string& out, std::string_view bytes, size_t limit);

// `bytes` escaped and in quotes, for messages. (Not `quoted`: a std::string would find
// std::quoted.)
std::string in_quotes(std::string_view bytes, size_t limit = 80);

}  // namespace postern

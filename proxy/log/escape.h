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

// The same for the inside of a JSON string. A byte from 0x80 up becomes the code point of that
// number: nothing is lost, and nothing claims that the client sent UTF-8.
void append_json_escaped(std::string& out, std::string_view bytes, size_t limit);

// `bytes` escaped and in quotes, for messages. (Not `quoted`: a std::string would find
// std::quoted.)
std::string in_quotes(std::string_view bytes, size_t limit = 80);

}  // namespace postern

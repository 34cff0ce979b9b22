// Escaping: bytes that somebody else chose, made safe to print on one line. What comes out is
// printable ASCII whatever goes in, so that no value can forge a line, break a format or command a
// terminal. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

// Appends `bytes` with C's escapes (\n, \", \\, \x1b). At most `limit` characters come out before
// "..." says that something was cut; no escape is cut in two.
void append_escaped(std::string& out, std::string_view bytes, size_t limit);

// The same for the inside of a JSON string. A byte from 0x80 becomes the code point of that number:
// nothing lost, and nothing claims that what a client sent were UTF-8.
void append_json_escaped(std::string& out, std::string_view bytes, size_t limit);

// "bytes" between quotes, for messages. (Not `quoted`: a std::string would find std::quoted.)
std::string in_quotes(std::string_view bytes, size_t limit = 80);

}  // namespace postern

// Scanner: the framing of one direction, incremental and without allocation. It finds where lines
// end, and which of them announce a literal ({n}, {n+}, ~{n}: RFC 9051 §4.3, RFC 7888, RFC 3516),
// so that bulk data is skipped by count. Its callers interpret the lines. One thread.
//
//   line start --read_line()--> in a line --LF--> line start
//                                 ^   |
//                    last byte    |   | LF after {n}
//                                 literal
//
// A line is everything up to an LF that no literal follows. A bare LF ends a line as well, because
// old servers send it. Quoted strings cannot contain line ends (RFC 9051 §4.3), so a literal's mark
// is always the last thing before the LF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"

namespace postern::imap {

class Scanner {
 public:
  enum class Marks : uint8_t {
    Ignore,  // free text: never a literal, even if it ends in {5}
    Heed,
    Doubt,  // Heed, and doubtful() says whether the mark is inside an open quoted string or touches
            // a word: some servers skip n bytes there, others read the next command
    Check,  // Doubt, but a doubtful {n+} is BadLiteral
  };
  enum class Found : uint8_t {
    Nothing,  // all bytes were taken and the line continues
    LineEnd,
    Literal,     // literal_left() bytes follow, then the line continues
    BadLiteral,  // a size beyond 2^63 - 1, or see Marks::Check
  };

  // Reads line bytes up to and including the first LF; `used` says how many. Must not be called
  // within a literal.
  Found read_line(Bytes bytes, Marks marks, size_t& used);
  // Skips the literal's bytes among the next `available`, without looking at them; returns how
  // many.
  size_t read_literal(size_t available);
  // The literal just announced will not come, nor the rest of its line.
  void abandon_line();

  bool at_line_start() const { return at_line_start_; }
  uint64_t literal_left() const { return literal_left_; }
  bool synchronising() const { return !non_synchronising_; }  // of the literal just found
  bool doubtful() const { return doubtful_; }                 // likewise
  // Bytes of the current line so far, without its literals.
  uint64_t line_length() const { return line_length_; }

 private:
  // How far the bytes just read look like the mark of a literal.
  enum class Mark : uint8_t { None, Open, Number, Plus, Close, CarriageReturn };

  void look_for_mark(std::string_view piece, Marks marks);
  void step(char c);
  void follow_quotes(char c);
  Found end_of_line(Marks marks);

  uint64_t literal_left_ = 0;
  uint64_t line_length_ = 0;
  uint64_t number_ = 0;
  Mark mark_ = Mark::None;
  char previous_ = 0;
  bool at_line_start_ = true;
  bool non_synchronising_ = false;
  bool overflow_ = false;
  bool doubtful_ = false;  // the mark is where no literal may begin
  bool quoted_ = false;
  bool escaped_ = false;
};

}  // namespace postern::imap

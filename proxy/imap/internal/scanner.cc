#include "proxy/imap/internal/scanner.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace postern::imap {
namespace {

constexpr uint64_t kMaxLiteral = std::numeric_limits<int64_t>::max();  // number64, RFC 9051 §9

// True if the last bytes of `line`, which ends in LF, already show that no literal follows.
bool plainly_unmarked(std::string_view line) {
  const size_t end = line.size() - 1;
  if (end >= 1 && line[end - 1] != '\r') {
    return line[end - 1] != '}';
  }
  return end >= 2 && line[end - 2] != '}';
}

}  // namespace

Scanner::Found Scanner::read_line(Bytes bytes, Marks marks, size_t& used) {
  const void* newline = std::memchr(bytes.data(), '\n', bytes.size());
  used = newline == nullptr
             ? bytes.size()
             : static_cast<size_t>(static_cast<const uint8_t*>(newline) - bytes.data()) + 1;
  const std::string_view piece = as_text(bytes.first(used));
  line_length_ += used;
  at_line_start_ = false;
  if (newline == nullptr) {
    look_for_mark(piece, marks);
    return Found::Nothing;
  }
  if (marks == Marks::Ignore || plainly_unmarked(piece)) {
    mark_ = Mark::None;
  } else {
    look_for_mark(piece.substr(0, used - 1), marks);
  }
  return end_of_line(marks);
}

size_t Scanner::read_literal(size_t available) {
  const auto count = static_cast<size_t>(std::min<uint64_t>(literal_left_, available));
  literal_left_ -= count;
  return count;
}

void Scanner::abandon_line() {
  *this = Scanner();
}

void Scanner::look_for_mark(std::string_view piece, Marks marks) {
  if (marks == Marks::Ignore) {
    return;
  }
  if (marks == Marks::Heed) {
    const size_t brace = piece.rfind('{');  // only the last one can open a mark
    if (brace != std::string_view::npos) {
      piece.remove_prefix(brace);
    } else if (mark_ == Mark::None) {
      return;
    }
  }
  for (const char c : piece) {
    step(c);
    if (marks != Marks::Heed) {
      follow_quotes(c);
    }
  }
}

void Scanner::step(char c) {
  const bool digit = c >= '0' && c <= '9';
  if (c == '{') {
    mark_ = Mark::Open;
    number_ = 0;
    overflow_ = non_synchronising_ = false;
    doubtful_ = quoted_ || (previous_ != ' ' && previous_ != '(' && previous_ != '~');
  } else if (digit && (mark_ == Mark::Open || mark_ == Mark::Number)) {
    const auto value = static_cast<uint64_t>(c - '0');
    overflow_ = overflow_ || number_ > (kMaxLiteral - value) / 10;
    number_ = overflow_ ? 0 : number_ * 10 + value;
    mark_ = Mark::Number;
  } else if (c == '+' && mark_ == Mark::Number) {
    non_synchronising_ = true;
    mark_ = Mark::Plus;
  } else if (c == '}' && (mark_ == Mark::Number || mark_ == Mark::Plus)) {
    mark_ = Mark::Close;
  } else if (c == '\r' && mark_ == Mark::Close) {
    mark_ = Mark::CarriageReturn;
  } else {
    mark_ = Mark::None;
  }
  previous_ = c;
}

void Scanner::follow_quotes(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '"') {
    quoted_ = !quoted_;
  } else {
    escaped_ = quoted_ && c == '\\';
  }
}

Scanner::Found Scanner::end_of_line(Marks marks) {
  const bool marked = mark_ == Mark::Close || mark_ == Mark::CarriageReturn;
  mark_ = Mark::None;
  previous_ = 0;
  quoted_ = escaped_ = false;
  if (!marked || marks == Marks::Ignore) {
    line_length_ = 0;
    at_line_start_ = true;
    return Found::LineEnd;
  }
  if (overflow_ || (marks == Marks::Check && non_synchronising_ && doubtful_)) {
    return Found::BadLiteral;
  }
  literal_left_ = number_;
  return Found::Literal;
}

}  // namespace postern::imap

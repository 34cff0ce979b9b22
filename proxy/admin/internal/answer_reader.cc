#include "proxy/admin/internal/answer_reader.h"

#include <algorithm>
#include <charconv>

#include "proxy/http/token.h"

namespace postern::admin {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && !text.empty() ? std::optional(number) : std::nullopt;
}

// "HTTP/1.1 200 OK"
std::optional<unsigned> status_in(std::string_view line) {
  constexpr size_t kDigitsAt = 9;
  const bool is_http =
      line.starts_with("HTTP/1.") && line.size() >= kDigitsAt + 3 && line[kDigitsAt - 1] == ' ';
  return is_http ? number_in<unsigned>(line.substr(kDigitsAt, 3)) : std::nullopt;
}

std::optional<size_t> length_in(std::string_view head) {
  constexpr std::string_view kLength = "Content-Length:";
  while (!head.empty()) {
    std::string_view line = head.substr(0, head.find(kLineEnd));
    head.remove_prefix(std::min(line.size() + kLineEnd.size(), head.size()));
    if (http::same_token(line.substr(0, kLength.size()), kLength)) {
      line.remove_prefix(kLength.size());
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      return number_in<size_t>(line);
    }
  }
  return std::nullopt;
}

}  // namespace

bool AnswerReader::feed(Bytes bytes) {
  if (bytes_.size() + bytes.size() > kMost) {
    return false;
  }
  bytes_.append(as_text(bytes));
  return true;
}

std::optional<AnswerReader::Answer> AnswerReader::answer() const {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::string_view all = bytes_;
  const size_t end = all.find(kHeadEnd);
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view head = all.substr(0, end);
  const std::string_view body = all.substr(end + kHeadEnd.size());
  const auto status = status_in(head.substr(0, head.find(kLineEnd)));
  const auto length = length_in(head);
  if (!status || length != body.size()) {
    return std::nullopt;
  }
  return Answer{.status = *status, .body = body};
}

}  // namespace postern::admin

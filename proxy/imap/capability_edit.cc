#include "proxy/imap/capability_edit.h"

#include <algorithm>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr std::string_view kAuth = "AUTH=";
constexpr std::string_view kPlus = "-PLUS";

bool ends_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && same_word(text.substr(text.size() - word.size()), word);
}

// Empty at the end, and at a stray CR.
std::string_view take_capability(std::string_view& list) {
  skip_spaces(list);
  const std::string_view word = take_word(list);
  if (word.empty()) {
    list.remove_prefix(std::min<size_t>(1, list.size()));
  }
  return word;
}

}  // namespace

bool is_hidden_capability(std::string_view capability) {
  return same_word(capability, "STARTTLS") || same_word(capability, "LOGINDISABLED") ||
         (starts_with_word(capability, kAuth) && ends_with_word(capability, kPlus));
}

std::string_view capability_list(std::string_view line) {
  line = without_line_end(line);
  std::string_view rest = line;
  std::string_view word = take_word(rest);  // "*" or the tag
  skip_spaces(rest);
  word = take_word(rest);
  if (same_word(word, "CAPABILITY")) {
    return rest;
  }
  skip_spaces(rest);  // after the condition comes the code, "[CAPABILITY …]"
  const size_t end = rest.find(']');
  rest = rest.substr(0, end);
  take_word(rest);
  return rest;
}

std::optional<std::string> hide_capabilities(std::string_view line, std::string_view list) {
  std::string kept;
  size_t decided = 0;  // up to here the line is kept or hidden
  const auto begin = static_cast<size_t>(list.data() - line.data());
  const size_t end = begin + list.size();
  for (size_t word = begin, next = 0; word < end; word = next) {  // with the space before it
    next = std::min(line.find(' ', word + 1), end);
    if (is_hidden_capability(line.substr(word + 1, next - word - 1))) {
      kept.reserve(line.size());
      kept.append(line.substr(decided, word - decided));
      decided = next;
    }
  }
  if (decided == 0) {
    return std::nullopt;
  }
  kept.append(line.substr(decided));
  return kept;
}

Capabilities read_capabilities(std::string_view list) {
  Capabilities found;
  while (!list.empty()) {
    const std::string_view word = take_capability(list);
    found.literal_plus = found.literal_plus || same_word(word, "LITERAL+");
    found.literal_minus = found.literal_minus || same_word(word, "LITERAL-") ||
                          same_word(word, "IMAP4rev2");  // RFC 9051 §4.3
    found.compress = found.compress || same_word(word, "COMPRESS=DEFLATE");
  }
  return found;
}

bool lists_capability(std::string_view list, std::string_view capability) {
  while (!list.empty()) {
    if (same_word(take_capability(list), capability)) {
      return true;
    }
  }
  return false;
}

}  // namespace postern::imap

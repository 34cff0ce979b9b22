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

std::optional<std::string> hide_capabilities(std::string_view line) {
  const std::string_view list = capability_list(line);
  const auto offset = static_cast<size_t>(list.data() - line.data());
  std::string kept;
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t word_end = std::min(rest.find(' ', 1), rest.size());  // with the space before it
    const std::string_view word = rest.substr(0, word_end);
    if (!is_hidden_capability(word.substr(1))) {
      kept.append(word);
    }
    rest.remove_prefix(word_end);
  }
  if (kept.size() == list.size()) {
    return std::nullopt;
  }
  return std::string(line.substr(0, offset)).append(kept).append(line.substr(offset + list.size()));
}

bool lists_capability(std::string_view list, std::string_view capability) {
  while (!list.empty()) {
    skip_spaces(list);
    const std::string_view word = take_word(list);
    if (!word.empty() && same_word(word, capability)) {
      return true;
    }
    if (word.empty()) {
      list.remove_prefix(std::min<size_t>(1, list.size()));  // a stray CR
    }
  }
  return false;
}

}  // namespace postern::imap

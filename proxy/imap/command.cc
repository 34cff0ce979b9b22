#include "proxy/imap/command.h"

#include <algorithm>
#include <array>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

// The names as most clients write them. In the order of the enumerators, so sorted: each command is
// compared with few of them.
struct WireName {
  std::array<char, 16> letters{};
  uint8_t size = 0;

  constexpr char initial() const { return letters[0]; }
  constexpr std::string_view text() const { return {letters.data(), size}; }
};
constexpr auto kWireNames = [] {
  std::array<WireName, kCountOf<Command> - 1> names{};  // without Other
  for (size_t i = 0; i < names.size(); ++i) {
    for (const char c : std::string_view(name_of(static_cast<Command>(i)))) {
      names[i].letters[names[i].size++] = upper(c);
    }
  }
  return names;
}();
constexpr size_t kLongestName = 16;

// The index of the first entry with each initial.
constexpr auto kFirst = [] {
  std::array<uint8_t, 26> first{};
  for (size_t i = kWireNames.size(); i-- > 0;) {
    first[static_cast<size_t>(kWireNames[i].initial() - 'A')] = static_cast<uint8_t>(i);
  }
  return first;
}();

// RFC 9051 §6.4.9 and its extensions; any other word after UID is no command's.
Command command_after_uid(std::string_view name) {
  const Command command = command_named(name);
  switch (command) {
    case Command::Copy:
    case Command::Expunge:
    case Command::Fetch:
    case Command::Move:
    case Command::Search:
    case Command::Sort:
    case Command::Store:
    case Command::Thread:
      return command;
    default:
      return Command::Other;
  }
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_base64_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '+' || c == '/';
}

}  // namespace

Command command_named(std::string_view name) {
  const char initial = name.empty() ? '\0' : upper(name.front());
  if (initial < 'A' || initial > 'Z') {
    return Command::Other;
  }
  for (size_t i = kFirst[static_cast<size_t>(initial - 'A')];
       i < kWireNames.size() && kWireNames[i].initial() == initial; ++i) {
    if (same_word(kWireNames[i].text(), name)) {
      return static_cast<Command>(i);
    }
  }
  return Command::Other;
}

CommandHead parse_command_head(std::string_view line) {
  // What is left may be only part of a name, or of the line's end.
  const auto may_go_on = [](std::string_view rest) { return rest.empty() || rest == "\r"; };
  CommandHead head;
  const size_t size = line.size();
  const bool indented = skip_spaces(line) > 0;
  head.tag = take_word(line);
  skip_spaces(line);
  const std::string_view name = take_atom(line);
  if (may_go_on(line)) {
    return head;
  }
  head.named = !name.empty();
  head.strict = !indented && is_echoable_tag(head.tag) && head.named &&
                (line.front() == ' ' || is_line_end(line.front()));
  head.length = size - line.size();
  if (line.front() == ' ' && same_word(name, "UID")) {
    line.remove_prefix(1);
    const std::string_view action = take_atom(line);
    if (may_go_on(line) && action.size() <= kLongestName) {
      return head;
    }
    head.command = command_after_uid(action);
  } else {
    head.command = command_named(name);
  }
  head.decided = true;
  return head;
}

bool is_answerable(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && tag != "*" && tag.front() != '+';
}

bool is_one_line(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (is_control(c)) {
      return false;
    }
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted) {
      ++i;  // the next character belongs to the string
      if (i == line.size() || is_control(line[i])) {
        return false;
      }
    } else if (c == '{' && !quoted) {
      return false;  // Courier asks for a literal at "{2" already
    }
  }
  return !quoted;
}

bool is_done(std::string_view line) {
  return same_word(without_line_end(line), "DONE");
}

bool is_sasl_response(std::string_view text) {
  if (text == "*" || text == "=") {
    return true;
  }
  const auto* const digits = std::find_if_not(text.begin(), text.end(), is_base64_digit);
  return text.end() - digits <= 2 &&
         std::all_of(digits, text.end(), [](char c) { return c == '='; }) &&
         (digits == text.end() || digits != text.begin());
}

}  // namespace postern::imap

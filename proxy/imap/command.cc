#include "proxy/imap/command.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

struct CommandName {
  std::string_view name;
  Command command;
};
// Sorted by initial, so that each command is compared with few of them.
constexpr CommandName kCommands[] = {
    {"AUTHENTICATE", Command::Authenticate},
    {"CAPABILITY", Command::Bare},
    {"CHECK", Command::Bare},
    {"CLOSE", Command::Bare},
    {"COMPRESS", Command::Compress},
    {"ENABLE", Command::Bare},
    {"EXPUNGE", Command::Bare},
    {"ID", Command::Id},
    {"IDLE", Command::Idle},
    {"LOGIN", Command::Login},
    {"LOGOUT", Command::Logout},
    {"NAMESPACE", Command::Bare},
    {"NOOP", Command::Bare},
    {"STARTTLS", Command::StartTls},
    {"UNAUTHENTICATE", Command::Unauthenticate},
    {"UNSELECT", Command::Bare},
};

// The index of the first entry with each initial.
constexpr auto kFirst = [] {
  std::array<uint8_t, 26> first{};
  for (size_t i = std::size(kCommands); i-- > 0;) {
    first[static_cast<size_t>(kCommands[i].name.front() - 'A')] = static_cast<uint8_t>(i);
  }
  return first;
}();

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
       i < std::size(kCommands) && kCommands[i].name.front() == initial; ++i) {
    if (same_word(kCommands[i].name, name)) {
      return kCommands[i].command;
    }
  }
  return Command::Other;
}

CommandHead parse_command_head(std::string_view line) {
  CommandHead head;
  const size_t size = line.size();
  const bool indented = skip_spaces(line) > 0;
  head.tag = take_word(line);
  skip_spaces(line);
  const std::string_view name = take_atom(line);
  if (line.empty() || line == "\r") {
    return head;  // this may be only part of the name, or of the line's end
  }
  head.decided = true;
  head.named = !name.empty();
  head.strict = !indented && is_echoable_tag(head.tag) && head.named &&
                (line.front() == ' ' || is_line_end(line.front()));
  head.length = size - line.size();
  head.command = command_named(name);
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

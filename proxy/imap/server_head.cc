#include "proxy/imap/server_head.h"

#include <algorithm>
#include <iterator>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Kind = ServerHead::Kind;
using Condition = ServerHead::Condition;

struct ConditionName {
  std::string_view name;
  Condition condition;
  bool tagged_too;
};
constexpr ConditionName kConditions[] = {
    {"OK", Condition::Ok, true},    {"NO", Condition::No, true},
    {"BAD", Condition::Bad, true},  {"PREAUTH", Condition::Preauth, false},
    {"BYE", Condition::Bye, false},
};
constexpr std::string_view kCapability = "CAPABILITY";

// True if `text`, of which more is to come, may become `word`.
bool may_become(std::string_view text, std::string_view word) {
  return starts_with_word(word, text);
}

bool may_become_known(std::string_view text, bool tagged) {
  for (const ConditionName& known : kConditions) {
    if ((!tagged || known.tagged_too) && may_become(text, known.name)) {
      return true;
    }
  }
  return !tagged && may_become(text, kCapability);
}

// `rest` is what follows the condition. False if more bytes are needed.
bool parse_code(std::string_view rest, std::string_view& code) {
  if (rest.empty() || rest == " ") {
    return false;
  }
  if (rest.substr(0, 2) != " [") {
    return true;
  }
  rest.remove_prefix(2);
  const std::string_view most = rest.substr(0, kMaxCode + 1);
  const auto* const end = std::find_if(
      most.begin(), most.end(), [](char c) { return c == ' ' || c == ']' || is_line_end(c); });
  if (end == most.end()) {
    return most.size() > kMaxCode;  // longer than any known code
  }
  code = most.substr(0, static_cast<size_t>(end - most.begin()));
  return true;
}

}  // namespace

bool ServerHead::has_capabilities() const {
  return kind == Kind::Capability ||
         (kind == Kind::Status && (condition == Condition::Ok || condition == Condition::Preauth) &&
          same_word(code, kCapability));
}

ServerHead parse_server_head(std::string_view line) {
  ServerHead head;
  if (line.empty()) {
    return head;
  }
  if (line.front() == '+') {
    head.kind = Kind::Continuation;
    return head;
  }
  std::string_view rest = line.substr(0, kMaxTag + 1);
  head.tag = take_word(rest);
  rest = line.substr(head.tag.size());
  if (rest.empty() && head.tag.size() <= kMaxTag) {
    return head;
  }
  if (rest.empty() || rest.front() != ' ') {
    head.kind = Kind::Other;
    return head;
  }
  head.tagged = head.tag != "*";
  rest.remove_prefix(1);
  const Kind unknown = head.tagged ? Kind::Other : Kind::Data;
  std::string_view longest = rest.substr(0, kCapability.size() + 1);
  const std::string_view word = take_word(longest);
  if (longest.empty()) {  // the word may continue
    head.kind = may_become_known(word, head.tagged) ? Kind::Undecided : unknown;
    return head;
  }
  rest.remove_prefix(word.size());
  if (!head.tagged && same_word(word, kCapability)) {
    head.kind = Kind::Capability;
    return head;
  }
  const auto* known = std::find_if(
      std::begin(kConditions), std::end(kConditions), [&](const ConditionName& candidate) {
        return same_word(word, candidate.name) && (!head.tagged || candidate.tagged_too);
      });
  if (known == std::end(kConditions)) {
    head.kind = unknown;
    return head;
  }
  head.condition = known->condition;
  head.kind = parse_code(rest, head.code) ? Kind::Status : Kind::Undecided;
  return head;
}

bool refuses_proxy_header(const ServerHead& head) {
  return head.kind == ServerHead::Kind::Status && head.tagged && same_word(head.tag, "PROXY") &&
         (head.condition == Condition::Bad || head.condition == Condition::No);
}

}  // namespace postern::imap

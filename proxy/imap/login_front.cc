#include "proxy/imap/login_front.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/imap/capability_edit.h"
#include "proxy/imap/internal/arguments.h"
#include "proxy/imap/internal/login_command.h"
#include "proxy/imap/internal/login_name.h"
#include "proxy/imap/server_head.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Kind = ServerHead::Kind;
using Condition = ServerHead::Condition;

constexpr std::string_view kMinimum = "IMAP4rev1";
constexpr std::string_view kMechanismOf = "AUTH=";
// "Username:" in base64, as servers ask for it.
constexpr std::string_view kAskUser = "+ VXNlcm5hbWU6\r\n";
constexpr std::string_view kAskResponse = "+ \r\n";

void say(std::string_view tag, std::string_view text, std::string& to_client) {
  to_client.append(tag).append(" ").append(text).append("\r\n");
}

bool is_word(std::string_view capability) {
  return !capability.empty() && std::ranges::all_of(capability, is_atom_char);
}

// A client that is shown a mechanism uses it.
bool may_be_shown(std::string_view capability) {
  if (!is_word(capability) || is_hidden_capability(capability)) {
    return false;
  }
  return !starts_with_word(capability, kMechanismOf) ||
         shows_user_first(mechanism_named(capability.substr(kMechanismOf.size())));
}

}  // namespace

std::string LoginFront::greeting() const {
  return "* OK [CAPABILITY " + capabilities_ + "] postern ready\r\n";
}

// ---- the client

LoginFront::Step LoginFront::from_client(Bytes bytes, std::string& to_client) {
  Step step = Step::More;
  while (!bytes.empty() && step == Step::More) {
    if (scanner_.literal_left() > 0) {
      const size_t count = scanner_.read_literal(bytes.size());
      append_secret(said_, as_text(bytes.first(count)));
      bytes = bytes.subspan(count);
      continue;
    }
    size_t used = 0;
    const Scanner::Found found = scanner_.read_line(bytes, Scanner::Marks::Heed, used);
    append_secret(said_, as_text(bytes.first(used)));
    bytes = bytes.subspan(used);
    if (found == Scanner::Found::Literal) {
      ends_.push_back(said_.size());
      to_client.append(kAskResponse);
    } else if (found == Scanner::Found::LineEnd) {
      step = command_ended(to_client);
    }
  }
  return step;
}

LoginFront::Step LoginFront::command_ended(std::string& to_client) {
  const std::string_view line = std::string_view(said_).substr(line_at_);
  ends_.push_back(said_.size());
  Step step = Step::More;
  if (in_sasl_) {
    step = sasl_response(without_line_end(line), to_client);
  } else {
    const CommandHead head = parse_command_head(line);
    tag_ = head.tag;
    step = run(head.tag, head.command, line.substr(head.length), to_client);
  }
  if (step == Step::More && !in_sasl_) {
    forget();
  }
  return step;
}

LoginFront::Step LoginFront::run(std::string_view tag, Command command, std::string_view arguments,
                                 std::string& to_client) {
  switch (command) {
    case Command::Login:
      return login(arguments);
    case Command::Authenticate:
      return authenticate(tag, arguments, to_client);
    case Command::Capability:
      say("*", "CAPABILITY " + capabilities_, to_client);
      say(tag, "OK CAPABILITY completed", to_client);
      return Step::More;
    case Command::Noop:
      say(tag, "OK NOOP completed", to_client);
      return Step::More;
    case Command::Id:
      say("*", R"(ID ("name" "postern"))", to_client);
      say(tag, "OK ID completed", to_client);
      return Step::More;
    case Command::Logout:
      say("*", "BYE Logging out", to_client);
      say(tag, "OK LOGOUT completed", to_client);
      return Step::Logout;
    default:
      say(tag, "BAD Unknown command, or not before login", to_client);
      return Step::More;
  }
}

LoginFront::Step LoginFront::login(std::string_view arguments) {
  ArgumentReader reader(arguments);
  std::string user;
  const bool good = reader.spaces() == 1 && reader.string(user);
  return named(good ? std::move(user) : std::string());
}

LoginFront::Step LoginFront::authenticate(std::string_view tag, std::string_view arguments,
                                          std::string& to_client) {
  const SaslStart start = parse_authenticate(arguments);
  mechanism_ = start.mechanism;
  if (!shows_user_first(mechanism_)) {
    say(tag, "NO [CANNOT] This mechanism does not show first whose mail it is for", to_client);
    return Step::More;
  }
  if (!start.response.empty()) {
    return response(tag, start.response, to_client);
  }
  in_sasl_ = true;
  line_at_ = said_.size();
  to_client.append(mechanism_ == Mechanism::Login ? kAskUser : kAskResponse);
  return Step::More;
}

LoginFront::Step LoginFront::sasl_response(std::string_view line, std::string& to_client) {
  in_sasl_ = false;
  if (line == "*") {
    say(tag_, "BAD AUTHENTICATE cancelled", to_client);
    return Step::More;
  }
  return response(tag_, line, to_client);
}

LoginFront::Step LoginFront::response(std::string_view tag, std::string_view text,
                                      std::string& to_client) {
  std::optional<std::string> user = user_of_response(mechanism_, text);
  if (!user) {
    say(tag, "NO [CANNOT] This response does not show whose mail it is for", to_client);
    return Step::More;
  }
  return named(std::move(*user));
}

LoginFront::Step LoginFront::named(std::string user) {
  user_ = std::move(user);
  return Step::Named;
}

// ---- the server

void LoginFront::greeted(std::string& to_server) {
  send_part(to_server);
}

void LoginFront::send_part(std::string& to_server) {
  const size_t begin = sent_ == 0 ? 0 : ends_[sent_ - 1];
  append_secret(to_server, std::string_view(said_).substr(begin, ends_[sent_] - begin));
  ++sent_;
}

LoginFront::Answer LoginFront::from_server(Bytes bytes, size_t& taken, std::string& to_client,
                                           std::string& to_server) {
  taken = 0;
  while (taken < bytes.size()) {
    const std::string_view rest = as_text(bytes.subspan(taken));
    const size_t count = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (line_.size() + count > kMaxLine) {
      return Answer::Unreadable;
    }
    line_.append(rest.substr(0, count));
    taken += count;
    if (line_.back() != '\n') {
      return Answer::None;
    }
    const Answer answer = server_line(to_client, to_server);
    line_.clear();
    if (answer != Answer::None) {
      forget();
      return answer;
    }
  }
  return Answer::None;
}

LoginFront::Answer LoginFront::server_line(std::string& to_client, std::string& to_server) {
  const ServerHead head = parse_server_head(line_);
  if (head.kind == Kind::Continuation && !is_replayed()) {
    send_part(to_server);
    return Answer::None;
  }
  to_client.append(line_);
  if (head.kind != Kind::Status) {
    return Answer::None;
  }
  if (head.tagged) {
    const bool own = head.tag == tag_;
    return !own ? Answer::None : head.condition == Condition::Ok ? Answer::Final : Answer::Refused;
  }
  rejected_ = rejected_ || head.condition == Condition::Bad;
  return head.condition == Condition::Bye ? Answer::Final : Answer::None;
}

void LoginFront::forget() {
  wipe(said_);
  std::string().swap(said_);
  ends_.clear();
  line_at_ = sent_ = 0;
  in_sasl_ = rejected_ = false;
  user_.clear();
  line_.clear();
}

// ---- capabilities

std::string common_capabilities(const std::vector<std::string>& lists) {
  std::string common(kMinimum);
  if (lists.empty()) {
    return common;
  }
  std::string_view rest = lists.front();
  while (skip_spaces(rest), !rest.empty()) {
    const std::string_view word = take_word(rest);
    const bool shared = std::ranges::all_of(
        lists, [word](const std::string& list) { return lists_capability(list, word); });
    if (word.empty()) {
      break;  // a line end
    }
    if (shared && may_be_shown(word) && !lists_capability(common, word)) {
      common.append(" ").append(word);
    }
  }
  return common;
}

}  // namespace postern::imap

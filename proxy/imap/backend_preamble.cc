#include "proxy/imap/backend_preamble.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/imap/capability_edit.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

using Kind = ServerHead::Kind;
using Condition = ServerHead::Condition;

const char* during(BackendPreamble::Hop hop) {
  return hop == BackendPreamble::Hop::StartTls ? "upgrading the backend connection"
                                               : "reading the backend's greeting";
}

// 80 random bits: no attacker can answer STARTTLS before it is sent (CVE-2026-42246).
std::string random_tag() {
  constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::array<uint8_t, 16> bytes{};
  check(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel gives random bytes");
  std::string tag;
  for (const uint8_t byte : bytes) {
    tag.push_back(kBase32[byte % kBase32.size()]);
  }
  return tag;
}

constexpr std::string_view kProxyTag = "PROXY ";

}  // namespace

BackendPreamble::Step BackendPreamble::feed(Bytes bytes) {
  check(state_ != State::Ready, "an opening ends when relaying may begin");
  if (state_ == State::Failed) {
    return Step::Failed;
  }
  if (state_ == State::Handshake && !bytes.empty()) {
    return fail(Violation::StarttlsInjection);
  }
  received_.append(as_text(bytes));
  return read_lines();
}

BackendPreamble::Step BackendPreamble::read_lines() {
  Step step = Step::More;
  while (step == Step::More) {
    const std::string_view rest = std::string_view(received_).substr(read_);
    line_at_ = read_;
    const size_t newline = rest.substr(0, kMaxLine).find('\n');
    // The first bytes reveal a server of another kind, which may never send an LF.
    if (state_ == State::Greeting &&
        rest.substr(0, 2) != std::string_view("* ", std::min<size_t>(rest.size(), 2)) &&
        !(before_ == Before::ProxyHeader && kProxyTag.starts_with(rest.substr(0, 6)))) {
      return fail(Violation::NotImap);
    }
    if (newline == std::string_view::npos) {
      return rest.size() >= kMaxLine ? fail(Violation::BackendLineTooLong) : Step::More;
    }
    read_ += newline + 1;
    step = on_line(rest.substr(0, newline + 1));
  }
  return step;
}

BackendPreamble::Step BackendPreamble::on_line(std::string_view line) {
  if (++lines_ > kMaxLines) {
    return fail(Violation::BackendLineTooLong);
  }
  if (answers_proxy_header(line)) {
    return fail(Violation::HeaderUnexpected);
  }
  return state_ == State::Greeting ? greeting(line) : answer(line);
}

// Version 2 is some lines that are no commands: until a command of ours is answered, nothing else
// is there that an untagged BAD could be for.
bool BackendPreamble::answers_proxy_header(std::string_view line) const {
  if (before_ == Before::Nothing) {
    return false;
  }
  const ServerHead head = parse_server_head(line);
  return refuses_proxy_header(head) ||
         (head.kind == Kind::Status && !head.tagged && head.condition == Condition::Bad);
}

BackendPreamble::Step BackendPreamble::greeting(std::string_view line) {
  const ServerHead head = parse_server_head(line);
  if (head.kind != Kind::Status || head.tagged || head.condition == Condition::No ||
      head.condition == Condition::Bad) {
    return fail(Violation::NotImap);
  }
  if (head.condition == Condition::Bye) {
    return fail(Violation::BackendBye);
  }
  preauthenticated_ = head.condition == Condition::Preauth;
  if (hop_ == Hop::AsIs) {
    return identify(std::string(line));
  }
  if (preauthenticated_) {
    return fail(Violation::BackendPreauth);
  }
  // Some greetings list only part of the capabilities, so only CAPABILITY can show that STARTTLS is
  // missing.
  if (head.has_capabilities()) {
    capabilities_ = capability_list(line);
  }
  if (lists_capability(capabilities_, "STARTTLS")) {
    return ask(State::StartTls, "STARTTLS");
  }
  return ask(State::ClearCapability, "CAPABILITY");
}

BackendPreamble::Step BackendPreamble::answer(std::string_view line) {
  const ServerHead head = parse_server_head(line);
  if (head.kind == Kind::Capability) {
    capabilities_ = capability_list(line);
    return Step::More;
  }
  if (head.kind != Kind::Status) {
    return Step::More;
  }
  if (!head.tagged && head.condition == Condition::Bye) {
    return fail(Violation::BackendBye);
  }
  if (!head.tagged && head.condition == Condition::Bad && state_ == State::Identify) {
    return answered(head);  // some servers say so to a command that they do not know, and no more
  }
  return head.tagged && head.tag == tag_ ? answered(head) : Step::More;
}

BackendPreamble::Step BackendPreamble::answered(const ServerHead& head) {
  const bool ok = head.condition == Condition::Ok;
  switch (state_) {
    case State::ClearCapability:
      return capability_answered(ok);
    case State::StartTls:
      return starttls_answered(ok);
    case State::SecureCapability:
      return secure_capability_answered(ok);
    default:
      id_refused_ = !ok;
      return ready();
  }
}

BackendPreamble::Step BackendPreamble::capability_answered(bool ok) {
  return ok && lists_capability(capabilities_, "STARTTLS") ? ask(State::StartTls, "STARTTLS")
                                                           : fail(Violation::StarttlsMissing);
}

BackendPreamble::Step BackendPreamble::starttls_answered(bool ok) {
  if (!ok) {
    return fail(Violation::StarttlsRefused);
  }
  if (read_ < received_.size()) {
    return fail(Violation::StarttlsInjection);
  }
  state_ = State::Handshake;
  return Step::StartTls;
}

BackendPreamble::Step BackendPreamble::secured() {
  check(state_ == State::Handshake, "TLS is up only after the server has agreed to it");
  clear_capabilities_ = std::exchange(capabilities_, {});
  return ask(State::SecureCapability, "CAPABILITY");
}

BackendPreamble::Step BackendPreamble::secure_capability_answered(bool ok) {
  if (!ok || capabilities_.empty()) {
    return fail(Violation::NotImap);
  }
  return identify("* OK [CAPABILITY" + capabilities_ + "] IMAP ready\r\n");
}

// Sent without a look at the capabilities: many greetings do not list them all, and a server
// without ID answers BAD, which costs no more than asking for them.
BackendPreamble::Step BackendPreamble::identify(std::string greeting) {
  greeting_ = std::move(greeting);
  return id_command_.empty() ? ready() : ask(State::Identify, id_command_);
}

BackendPreamble::Step BackendPreamble::ready() {
  const std::string_view rest = std::string_view(received_).substr(read_);
  if (answers_proxy_header(rest)) {  // with the greeting, in one segment
    line_at_ = read_;
    return fail(Violation::HeaderUnexpected);
  }
  state_ = State::Ready;
  received_.replace(0, read_, greeting_);
  return Step::Ready;
}

// Forgets all lines read so far; bytes received after them are still to be read.
BackendPreamble::Step BackendPreamble::ask(State state, std::string_view command) {
  state_ = state;
  received_.erase(0, read_);
  read_ = line_at_ = lines_ = 0;
  tag_ = random_tag();
  to_send_ = tag_;
  to_send_.append(" ").append(command).append("\r\n");
  return Step::Send;
}

std::string_view BackendPreamble::said() const {
  constexpr size_t kMax = 100;
  std::string_view line = std::string_view(received_).substr(line_at_);
  line = line.substr(0, line.find_first_of("\r\n"));
  return line.substr(0, kMax);
}

const char* BackendPreamble::protocol() const {
  struct Sign {
    std::string_view begins;
    const char* protocol;
    std::string_view contains = {};
  };
  static constexpr Sign kSigns[] = {
      {"+OK", "POP3"},
      {"-ERR", "POP3"},
      {"220", "FTP", "FTP"},
      {"220", "LMTP", "LMTP"},
      {"220", "SMTP"},
      {"421", "SMTP"},
      {"554", "SMTP"},
      {"HTTP/", "HTTP"},
      {"<!DOCTYPE HTML", "HTTP"},  // without a status line, in the spellings of HTML 4 and 5
      {"<!DOCTYPE html", "HTTP"},
      {"<!doctype html", "HTTP"},
      {"<html", "HTTP"},
      {"SSH-", "SSH"},
      {"\x15\x03", "TLS"},
      {"\x16\x03", "TLS"},
      {"\"IMPLEMENTATION\"", "ManageSieve"},
      {"\"SIEVE\"", "ManageSieve"},
  };
  const std::string_view line = said();
  for (const Sign& sign : kSigns) {
    if (line.starts_with(sign.begins) && line.find(sign.contains) != std::string_view::npos) {
      return sign.protocol;
    }
  }
  return "";
}

BackendPreamble::Step BackendPreamble::fail(Violation violation) {
  state_ = State::Failed;
  error_ = imap_error(violation, during(hop_));
  return Step::Failed;
}

}  // namespace postern::imap

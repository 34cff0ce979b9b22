#include "proxy/imap/starttls_front.h"

#include <algorithm>
#include <utility>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr const char* kTalking = "talking to the client before TLS";
constexpr uint8_t kTlsHandshakeRecord = 0x16;  // RFC 8446 §5.1; no tag begins with a control

// "GET / HTTP/1.1", "PRI * HTTP/2.0": a request line, which would otherwise be a tag and a command.
bool is_http_request(std::string_view line) {
  const size_t last_word = line.rfind(' ');
  return last_word != std::string_view::npos && line.substr(last_word + 1).substr(0, 5) == "HTTP/";
}

// Version 1 is a line of its own; the signature of version 2 is two empty lines and a third one
// that begins with a NUL.
bool is_proxy_header(std::string_view line) {
  return line.starts_with("PROXY TCP") || line.starts_with("PROXY UNKNOWN") ||
         line == std::string_view("\0", 1);
}

std::string_view echoed(std::string_view tag) {
  return is_echoable_tag(tag) ? tag : "*";
}

void answer(std::string_view tag, std::string_view text, std::string& reply) {
  reply.append(echoed(tag)).append(" ").append(text).append("\r\n");
}

// RFC 2971 §3.1: NIL or a list. Its content does not matter here.
bool is_id_argument(std::string_view argument) {
  return same_word(argument, "NIL") ||
         (argument.size() >= 2 && argument.front() == '(' && argument.back() == ')');
}

}  // namespace

std::string_view StarttlsFront::greeting() {
  return "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED ID] postern ready, TLS first\r\n";
}

StarttlsFront::Step StarttlsFront::feed(Bytes bytes, size_t& taken, std::string& reply) {
  taken = 0;
  budget_.piece(bytes.size());
  while (taken < bytes.size() && step_ == Step::More) {
    taken += take(bytes.subspan(taken), reply);
    if (step_ == Step::More && budget_.spent()) {
      fail(Violation::TalkSpent, "[LIMIT] Too many commands before TLS", reply);
    }
  }
  return step_;
}

size_t StarttlsFront::take(Bytes bytes, std::string& reply) {
  if (scanner_.literal_left() > 0) {
    return scanner_.read_literal(bytes.size());  // bounded when it was announced
  }
  if (scanner_.at_line_start() && bytes.front() == kTlsHandshakeRecord) {
    step_ = Step::Failed;  // without a word: a client that speaks TLS reads no BYE
    error_ = imap_error(Violation::TlsOnCleartext, kTalking);
    return 0;
  }
  return take_line(bytes, reply);
}

size_t StarttlsFront::take_line(Bytes bytes, std::string& reply) {
  const Bytes window = bytes.first(std::min(bytes.size(), kMaxCommand - read_));
  size_t used = 0;
  const Scanner::Found found = scanner_.read_line(window, Scanner::Marks::Check, used);
  line_.append(as_text(window.first(used)));
  read_ += used;
  switch (found) {
    case Scanner::Found::Nothing:
      if (used < bytes.size()) {
        fail(Violation::LineTooLong, "Command line too long", reply);
      }
      break;
    case Scanner::Found::BadLiteral:
      fail(Violation::BadLiteral, "Invalid literal", reply);
      break;
    case Scanner::Found::Literal:
      literal_announced(reply);
      break;
    case Scanner::Found::LineEnd:
      command(reply);
      break;
  }
  return used;
}

// A synchronising literal is never asked for: the command is answered as it stands, and none that
// is allowed here is valid in that form. A non-synchronising one is on its way and must be read.
void StarttlsFront::literal_announced(std::string& reply) {
  if (scanner_.synchronising()) {
    scanner_.abandon_line();
    command(reply);
  } else if (scanner_.literal_left() > kMaxCommand - read_) {
    fail(Violation::LiteralTooLong, "Literal too long", reply);
  } else {
    read_ += static_cast<size_t>(scanner_.literal_left());
  }
}

void StarttlsFront::command(std::string& reply) {
  const std::string line = std::exchange(line_, {});
  read_ = 0;
  budget_.command();
  if (budget_.spent()) {
    return;
  }
  std::string_view rest = without_line_end(line);
  if (is_http_request(rest)) {
    fail(Violation::HttpOnCleartext, "This is IMAP, not HTTP", reply);
    return;
  }
  if (is_proxy_header(rest)) {
    step_ = Step::ProxyHeader;
    return;
  }
  const std::string_view tag = take_word(rest);
  skip_spaces(rest);
  const std::string_view name = take_word(rest);
  skip_spaces(rest);
  run(tag, name, rest, reply);
}

void StarttlsFront::run(std::string_view tag, std::string_view name, std::string_view arguments,
                        std::string& reply) {
  if (!is_echoable_tag(tag)) {
    refuse(tag, "Invalid tag", reply);
  } else if (same_word(name, "LOGIN") || same_word(name, "AUTHENTICATE")) {
    refuse_login(tag, reply);
  } else if (same_word(name, "ID")) {
    if (!is_id_argument(arguments)) {
      refuse(tag, "ID needs NIL or a list", reply);
      return;
    }
    reply.append("* ID (\"name\" \"postern\")\r\n");
    answer(tag, "OK ID completed", reply);
  } else if (!arguments.empty()) {
    refuse(tag, "Unknown command, or arguments it does not have", reply);
  } else if (same_word(name, "CAPABILITY")) {
    reply.append("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED ID\r\n");
    answer(tag, "OK CAPABILITY completed", reply);
  } else if (same_word(name, "NOOP")) {
    answer(tag, "OK NOOP completed", reply);
  } else if (same_word(name, "LOGOUT")) {
    reply.append("* BYE Logging out\r\n");
    answer(tag, "OK LOGOUT completed", reply);
    step_ = Step::Logout;
  } else if (same_word(name, "STARTTLS")) {
    answer(tag, "OK Begin TLS negotiation now", reply);
    step_ = Step::StartTls;
  } else {
    refuse(tag, "Unknown command, or not before STARTTLS", reply);
  }
}

void StarttlsFront::refuse_login(std::string_view tag, std::string& reply) {
  ++refused_logins_;
  answer(tag, "NO [PRIVACYREQUIRED] Use STARTTLS first", reply);
}

void StarttlsFront::refuse(std::string_view tag, std::string_view why, std::string& reply) {
  answer(tag, std::string("BAD ").append(why), reply);
  if (++bad_commands_ >= kMaxBadCommands) {
    fail(Violation::TooManyBadCommands, "Too many bad commands", reply);
  }
}

void StarttlsFront::fail(Violation violation, std::string_view goodbye, std::string& reply) {
  reply.append("* BYE ").append(goodbye).append("\r\n");
  step_ = Step::Failed;
  error_ = imap_error(violation, kTalking);
}

}  // namespace postern::imap

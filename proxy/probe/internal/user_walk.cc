#include "proxy/probe/internal/user_walk.h"

#include <array>
#include <charconv>

#include "proxy/base/secret.h"
#include "proxy/imap/syntax.h"

namespace postern::probe {
namespace {

struct Command {
  const char* name;
  const char* words;
};
constexpr std::array<Command, 4> kCommands = {{
    {"LOGIN", "P0 LOGIN {"},
    {"CAPABILITY", "P1 CAPABILITY\r\n"},
    {"LIST", "P2 LIST \"\" \"*\"\r\n"},
    {"EXAMINE", "P3 EXAMINE INBOX\r\n"},
}};

bool is_tag(std::string_view tag, size_t command) {
  return tag.size() == 2 && tag[0] == 'P' && tag[1] == static_cast<char>('0' + command);
}

}  // namespace

UserWalk::Step UserWalk::begin() {
  to_send_ = kCommands[0].words + std::to_string(credentials_.user().size()) + "}\r\n";
  return Step::Send;
}

UserWalk::Step UserWalk::feed(Bytes bytes) {
  bytes_ += bytes.size();
  if (bytes_ > kMaxBytes) {
    return Step::Done;
  }
  bool done = false;
  for (const char c : as_text(bytes)) {
    if (c != '\n') {
      if (line_.size() < kMaxLine) {
        line_.push_back(c);
      }
      continue;
    }
    done = done || on_line() == Step::Done;
    line_.clear();
  }
  if (done) {
    return Step::Done;
  }
  return to_send_.empty() ? Step::More : Step::Send;
}

// A line may be one of a literal: it is none of ours, or counts for nothing.
UserWalk::Step UserWalk::on_line() {
  line_.push_back('\n');
  const std::string_view line = imap::without_line_end(line_);
  const imap::ServerHead head = imap::parse_server_head(line_);
  if (head.kind == imap::ServerHead::Kind::Continuation && command_ == 0) {
    send_piece();
    return Step::Send;
  }
  if (!head.tagged || !is_tag(line.substr(0, line.find(' ')), command_)) {
    note_untagged(line);
    return Step::More;
  }
  note_answer(head, line);
  return go_on();
}

void UserWalk::send_piece() {
  if (pieces_ == 0) {
    to_send_ = credentials_.user();
    to_send_.append(" {").append(std::to_string(credentials_.password().size())).append("}\r\n");
  } else if (pieces_ == 1) {
    to_send_.reserve(credentials_.password().size() + 2);
    append_secret(to_send_, credentials_.password());
    append_secret(to_send_, "\r\n");
  }
  ++pieces_;
}

// "* LIST (\HasNoChildren) "/" INBOX", "* 17 EXISTS"
void UserWalk::note_untagged(std::string_view line) {
  const std::string_view name = kCommands[command_].name;
  if (name == "LIST" && imap::starts_with_word(line, "* LIST ")) {
    ++items_;
  } else if (name == "EXAMINE" && line.ends_with(" EXISTS") && line.starts_with("* ")) {
    std::from_chars(line.data() + 2, line.data() + line.size(), items_);
  }
}

void UserWalk::note_answer(const imap::ServerHead& head, std::string_view line) {
  const bool ok = head.condition == imap::ServerHead::Condition::Ok;
  UserStep& step = steps_.emplace_back();
  step.command = kCommands[command_].name;
  step.ok = ok;
  step.items = items_;
  items_ = 0;
  if (!ok) {
    step.said = line;
  }
  if (command_ == 0) {
    const bool no = head.condition == imap::ServerHead::Condition::No;
    login_ = ok   ? imap::LoginResult::Success
             : no ? imap::result_of_refusal(head.code)
                  : imap::LoginResult::Unsupported;
  }
}

UserWalk::Step UserWalk::go_on() {
  ++command_;
  if (login_ != imap::LoginResult::Success || command_ == kCommands.size()) {
    return Step::Done;
  }
  to_send_ = kCommands[command_].words;
  return Step::Send;
}

}  // namespace postern::probe

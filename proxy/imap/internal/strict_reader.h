// StrictReader: the client's half of Filter before login. It reads whole commands and sends on only
// those that every server reads alike, so that no unchecked byte reaches the server. One thread;
// made when the client first speaks and gone once it has logged in.
//
//   - A command is one line with balanced quotes, without control characters or a literal.
//   - LOGIN and ID may have literals. The gateway asks for them itself and sends them on as quoted
//     strings or, in a LOGIN, as synchronising literals whose octets wait for the server's own "+".
//   - AUTHENTICATE has a mechanism and at most one initial response; then one line for each "+".
//   - STARTTLS, COMPRESS and IDLE are answered BAD here, and so is everything else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/secret.h"
#include "proxy/imap/internal/filter_state.h"
#include "proxy/imap/internal/login_parts.h"
#include "proxy/imap/internal/scanner.h"
#include "proxy/imap/internal/talk_budget.h"

namespace postern::imap {

class StrictReader {
 public:
  explicit StrictReader(const FilterLimits& limits) : budget_(limits.commands, limits.talk()) {}
  StrictReader(const StrictReader&) = delete;
  StrictReader& operator=(const StrictReader&) = delete;
  ~StrictReader();

  // Returns how many bytes were taken; the bytes after a login wait for the login's answer.
  size_t feed(Bytes bytes, FilterState& shared);
  // The server has answered: sends what has waited for the answer.
  void go_on(FilterState& shared);
  // Sends the login for which the observer has said LoginLeave::Wait.
  void let_login_go(FilterState& shared);
  // Takes out the part of a command that is not complete.
  std::string take_rest();
  bool has_to_send() const { return !parts_.empty(); }
  // Bytes of the client that are kept here.
  size_t held() const { return held_.size() + parts_.bytes(); }

 private:
  size_t read_literal(Bytes bytes);
  size_t read_line(Bytes bytes, FilterState& shared);
  void hold(std::string_view piece);
  void literal_announced(FilterState& shared);
  void line_ended(std::string_view line, FilterState& shared);
  void sasl_line(std::string_view line, FilterState& shared);
  void send_response(std::string_view text, FilterState& shared);
  void command(std::string_view line, FilterState& shared);
  void login(const CommandHead& head, std::string_view line, FilterState& shared);
  void authenticate(const CommandHead& head, std::string_view line, FilterState& shared);
  void id(const CommandHead& head, std::string_view line, FilterState& shared);
  void send_login(FilterState& shared);
  void go_or_wait(LoginLeave leave, FilterState& shared);
  void send_part(FilterState& shared);
  void refuse(std::string_view tag, CommandRefusal reason, FilterState& shared);
  void begin_refusal(CommandRefusal reason);
  void forget_command();

  Scanner scanner_;
  TalkBudget budget_;
  std::string held_;  // the command so far, with its literals
  LoginParts parts_;
  size_t read_ = 0;              // bytes of the command, whether held or not
  CommandRefusal refusal_ = {};  // why the command will be refused once it has ended
  bool refused_ = false;
};

}  // namespace postern::imap

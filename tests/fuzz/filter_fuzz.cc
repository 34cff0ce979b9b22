// Filter under any bytes from both sides, cut anywhere. The input is a script of steps: a byte that
// says which side speaks and how long (its top bit: the server; the rest: up to 127 bytes), then
// those bytes. It is run whole and cut into the pieces that a second reading of the same input
// chooses. Held to: both runs end alike, unless the pieces cost more than the client may spend;
// before login only whole lines pass that a strict reader of its own takes for commands, SASL lines
// or the octets of a LOGIN; after login everything passes as it is; IDLE alternates; every login
// ends once; once opaque nothing is changed; a boundary is only reported where a line has ended.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/imap/filter.h"

namespace {

using namespace postern;        // NOLINT: a fuzz target
using namespace postern::imap;  // NOLINT

struct Text : Output {
  Text() = default;
  void put(Bytes bytes) override {
    check(!bytes.empty(), "an output has something in it");
    text.append(as_text(bytes));
  }
  std::string text;

 protected:
  ~Text() = default;
};

struct Events final : ConversationObserver {
  LoginLeave on_login_attempt(Mechanism mechanism) override {
    check(!open, "one login at a time");
    open = true;
    note('a', name_of(mechanism));
    return leave;
  }
  const SipHash::Key* name_key() override { return &key; }
  // Without leave only an attempt ends whose secret was never there, or one after login.
  void on_login_result(Mechanism mechanism, LoginResult result, uint64_t user) override {
    check(open || mechanism == Mechanism::Preauth || result != LoginResult::Abandoned,
          "a secret is sent with leave");
    open = false;
    note('l', name_of(result));
    note('n', std::to_string(user).c_str());
  }
  void on_unauthenticated() override { note('u', ""); }
  void on_idle(bool now) override {
    check(now != idling, "IDLE begins and ends in turn");
    idling = now;
    note(now ? 'i' : 'w', "");
  }
  void on_opaque() override { note('o', ""); }
  void on_command_refused(CommandRefusal reason) override { note('r', name_of(reason)); }
  void on_sasl_turn(bool) override {}
  void on_id_fields_dropped(unsigned count) override {
    check(count > 0, "fields are reported when there are some");
    note('d', std::to_string(count).c_str());
  }
  uint32_t clock_ms() override { return 1; }
  void on_command_ended(Command command, CommandResult result, uint32_t sent_ms) override {
    check(sent_ms == 0 || command != Command::Idle, "an IDLE takes no time");
    note('c', name_of(command));
    note(sent_ms == 0 ? 'z' : 't', name_of(result));
  }
  void note(char what, const char* which) { log.append(1, what).append(which).append(","); }

  std::string log;
  LoginLeave leave = LoginLeave::Go;
  bool open = false;
  bool idling = false;
  const SipHash::Key key{1, 2};
};

// What a server reads of the gateway before login, by the rules alone.
class StrictServer {
 public:
  void read(std::string_view bytes) {
    if (literal_ && (may_send_ || !answered_)) {
      read_login(bytes);
      return;
    }
    check(bytes.ends_with("\r\n"), "only whole lines pass before login");
    const std::string_view line = bytes.substr(0, bytes.size() - 2);
    check(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
          "one line is one line");
    literal_ = ends_in_literal(line);
    check(!literal_ || is_login(line), "only LOGIN has a literal");
    answered_ = false;
  }
  // The server says so, too.
  void say(std::string_view bytes) {
    for (const char c : bytes) {
      may_send_ = may_send_ || (line_start_ && c == '+');
      answered_ = answered_ || (c == '\n' && !plus_line_);
      plus_line_ = line_start_ ? c == '+' : plus_line_;
      line_start_ = c == '\n';
    }
  }

 private:
  static bool ends_in_literal(std::string_view line) {
    if (!line.ends_with('}')) {
      return false;
    }
    const size_t brace = line.rfind('{');
    return brace != std::string_view::npos && brace + 2 < line.size() &&
           line.find_first_not_of("0123456789", brace + 1) == line.size() - 1;
  }
  static bool is_login(std::string_view line) {
    return parse_command_head(line).command == Command::Login;
  }
  void read_login(std::string_view bytes) {
    check(may_send_, "a literal's octets wait for the server");
    may_send_ = answered_ = false;
    check(bytes.ends_with("\r\n"), "what follows a literal ends a line");
    literal_ = ends_in_literal(bytes.substr(0, bytes.size() - 2));
  }

  bool literal_ = false;
  bool may_send_ = false;
  bool answered_ = false;  // perhaps: a line has come that is no "+"
  bool plus_line_ = false;
  bool line_start_ = true;
};

class Session {
 public:
  Session(uint8_t flags, Bytes cuts)
      : filter_(options(flags), events_, to_server_, to_client_), cuts_(cuts) {
    events_.leave = (flags & 64) != 0 ? LoginLeave::Wait : LoginLeave::Go;
  }

  void step(bool from_server, std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t length = std::min(next_cut(), bytes.size());
      const std::string_view piece = bytes.substr(0, length);
      if (from_server) {
        feed_server(piece);
      } else {
        kept_.append(piece);
        offer();
      }
      bytes.remove_prefix(length);
    }
    offer();
    if (!filter_.violation()) {
      filter_.let_login_go();
    }
  }

  std::string result() const {
    return to_server_.text + "\n--\n" + to_client_.text + "\n--\n" + events_.log + "\n--\n" +
           filter_.violation().label() + (filter_.violation() ? "" : "\n--\n" + kept_) +
           (filter_.at_boundary() ? "|" : "");
  }

  bool talk_spent() const { return filter_.violation() == imap_error(Violation::TalkSpent, ""); }

  void check_invariants() const {
    check(filter_.idling() == events_.idling, "the filter and its observer agree on IDLE");
    if (filter_.at_boundary() && !to_client_.text.empty() && !filter_.violation()) {
      check(to_client_.text.back() == '\n', "a boundary is where a line has ended");
    }
  }

 private:
  static Filter::Options options(uint8_t flags) {
    Filter::Options options;
    options.swallow_greeting = (flags & 1) != 0;
    options.limits.command_before_login = (flags & 2) != 0 ? 40 : 128 * kKiB;
    options.limits.capability_line = (flags & 8) != 0 ? 30 : 16 * kKiB;
    options.limits.pending_commands = (flags & 16) != 0 ? 3 : 256;
    options.limits.refusals = (flags & 32) != 0 ? 1 : 16;
    return options;
  }

  size_t next_cut() {
    return cuts_.empty() ? SIZE_MAX : size_t{1} + cuts_[cut_++ % cuts_.size()] % 16;
  }

  void feed_server(std::string_view piece) {
    const bool opaque = filter_.opaque();
    const size_t before = to_client_.text.size();
    to_server_.strict.say(piece);
    filter_.from_server(as_bytes(piece));
    if (opaque && !filter_.violation()) {
      check(to_client_.text.substr(before) == piece, "opaque bytes are left alone");
    }
  }

  void offer() {
    if (filter_.stalled() || kept_.empty()) {
      return;
    }
    const std::string offered = kept_;
    const bool logged_in = !filter_.before_login();
    const size_t before = to_server_.text.size();
    const size_t taken = filter_.from_client(as_bytes(offered));
    check(taken <= offered.size(), "no more is taken than there is");
    check(taken == offered.size() || filter_.stalled(), "bytes are left only when stalled");
    if (logged_in && !filter_.violation()) {
      check(to_server_.text.substr(before) == offered.substr(0, taken),
            "after login everything passes as it is");
    }
    kept_ = offered.substr(taken);
  }

  struct ToServer final : Text {
    explicit ToServer(const Filter& f) : filter(f) {}
    void put(Bytes bytes) override {
      Text::put(bytes);
      if (filter.before_login()) {
        strict.read(as_text(bytes));
      }
    }
    const Filter& filter;
    StrictServer strict;
  };

  struct ToClient final : Text {};

  ToServer to_server_{filter_};
  ToClient to_client_;
  Events events_;
  Filter filter_;
  std::string kept_;
  Bytes cuts_;
  size_t cut_ = 0;
};

void run(Session& session, Bytes script) {
  while (!script.empty()) {
    const uint8_t head = script.front();
    script = script.subspan(1);
    const size_t length = std::min<size_t>(head & 0x7f, script.size());
    session.step((head & 0x80) != 0, as_text(script.first(length)));
    script = script.subspan(length);
  }
}

// A piece has its price (talk_budget.h), so more pieces may spend the budget sooner.
bool agree(const Session& cut, const Session& whole) {
  return cut.talk_spent() || cut.result() == whole.result();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const Bytes input(data, size);
  Session whole(input[0], {});
  run(whole, input.subspan(1));
  whole.check_invariants();
  Session cut(input[0], input);
  run(cut, input.subspan(1));
  check(agree(cut, whole), "where the network cuts makes no difference");
  const uint8_t one = 0;
  Session bytes(input[0], Bytes(&one, 1));
  run(bytes, input.subspan(1));
  check(agree(bytes, whole), "byte by byte makes no difference");
  return 0;
}

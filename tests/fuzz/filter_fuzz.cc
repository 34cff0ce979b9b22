// Filter under any bytes from both sides, cut anywhere. The input is a script of steps: a byte that
// says who speaks and how long (its top bit: the server; the rest: up to 127 bytes), then those
// bytes. It is run whole and cut into the pieces that a second reading of the same input chooses.
// Held to: both runs end alike; what passes toward the server is what the client sent, less whole
// lines swallowed; IDLE alternates; once opaque nothing is changed; a boundary is only reported
// where a line has ended.
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

struct Text final : Output {
  void put(Bytes bytes) override {
    check(!bytes.empty(), "an output has something in it");
    text.append(as_text(bytes));
  }
  std::string text;
};

struct Events final : ConversationObserver {
  const SipHash::Key* on_login_attempt(Mechanism mechanism) override {
    note('a', mechanism_label(mechanism));
    return &key;
  }
  void on_login_result(Mechanism mechanism, LoginResult result, uint64_t user) override {
    note(login_result_label(result)[0], mechanism_label(mechanism));
    note('n', std::to_string(user).c_str());
  }
  void on_unauthenticated() override { note('u', ""); }
  void on_idle(bool now) override {
    check(now != idling, "IDLE begins and ends in turn");
    idling = now;
    note(now ? 'i' : 'w', "");
  }
  void on_opaque() override { note('o', ""); }
  void on_starttls_refused() override { note('r', ""); }
  void on_id_fields_dropped(unsigned count) override {
    check(count > 0, "fields are told of when there are some");
    note('d', std::to_string(count).c_str());
    dropped += count;
  }
  void note(char what, const char* which) { log.append(1, what).append(which).append(","); }

  std::string log;
  bool idling = false;
  const SipHash::Key key{1, 2};
  unsigned dropped = 0;
};

class Session {
 public:
  Session(uint8_t flags, Bytes cuts)
      : filter_(options(flags), events_, to_server_, to_client_), cuts_(cuts) {}

  void step(bool from_server, std::string_view bytes) {
    if (!from_server) {
      sent_.append(bytes);
    }
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
  }

  std::string result() const {
    return to_server_.text + "\n--\n" + to_client_.text + "\n--\n" + events_.log + "\n--\n" +
           filter_.violation().label() + (filter_.violation() ? "" : "\n--\n" + kept_) +
           (filter_.at_boundary() ? "|" : "");
  }

  void check_invariants() const {
    check(filter_.idling() == events_.idling, "the filter and its observer agree on IDLE");
    check(to_server_.text.size() <= sent_.size(), "nothing is made up toward the server");
    // Every byte passed on is the client's, in order; what is missing was swallowed or is kept.
    // Only an ID that has lost all its fields says something of ours, NIL.
    size_t at = 0;
    for (const char c : events_.dropped > 0 ? std::string() : to_server_.text) {
      at = sent_.find(c, at);
      check(at != std::string::npos, "what passes toward the server is what the client sent");
      ++at;
    }
    if (!filter_.violation() && !may_swallow()) {
      check(to_server_.text == sent_.substr(0, to_server_.text.size()),
            "what is well formed and no STARTTLS or ID passes untouched");
    }
    if (filter_.at_boundary() && !to_client_.text.empty() && !filter_.violation()) {
      check(to_client_.text.back() == '\n', "a boundary is where a line has ended");
    }
  }

 private:
  static Filter::Options options(uint8_t flags) {
    Filter::Options options;
    options.swallow_greeting = (flags & 1) != 0;
    options.limits.line_before_login = (flags & 2) != 0 ? 40 : 64 * kKiB;
    options.limits.literal_before_login = (flags & 4) != 0 ? 20 : 64 * kKiB;
    options.limits.capability_line = (flags & 8) != 0 ? 30 : 16 * kKiB;
    options.limits.pending_commands = (flags & 16) != 0 ? 3 : 256;
    options.limits.refusals = (flags & 32) != 0 ? 1 : 16;
    options.limits.id_command = (flags & 64) != 0 ? 30 : 8 * kKiB;
    return options;
  }

  size_t next_cut() {
    return cuts_.empty() ? SIZE_MAX : size_t{1} + cuts_[cut_++ % cuts_.size()] % 16;
  }

  bool may_swallow() const { return sent("STARTTLS") || sent("ID") || !well_formed(); }

  // Each line begins with a word and a letter behind one space, and no two with the same word. What
  // is no command, such as the lines of a literal, counts as none.
  bool well_formed() const {
    std::set<std::string> tags;
    std::istringstream lines(sent_);
    for (std::string line; std::getline(lines, line);) {
      const size_t space = line.find(' ');
      const size_t end = std::min(line.find_first_of(" \r", space + 1), line.size());
      const auto is_plain = [](char c) { return std::isalnum(static_cast<uint8_t>(c)) != 0; };
      if (space == std::string::npos || space == 0 || space > 60 || end == space + 1 ||
          !std::all_of(line.begin(), line.begin() + static_cast<ptrdiff_t>(space), is_plain) ||
          !std::all_of(line.begin() + static_cast<ptrdiff_t>(space) + 1,
                       line.begin() + static_cast<ptrdiff_t>(end), is_plain) ||
          !tags.insert(line.substr(0, space)).second || sent("AUTHENTICATE")) {
        return false;
      }
    }
    return true;
  }

  bool sent(std::string_view word) const {
    return std::search(sent_.begin(), sent_.end(), word.begin(), word.end(), [](char a, char b) {
             return (a >= 'a' && a <= 'z' ? a - 32 : a) == b;
           }) != sent_.end();
  }

  void feed_server(std::string_view piece) {
    const bool opaque = filter_.opaque();
    const size_t before = to_client_.text.size();
    filter_.from_server(as_bytes(piece));
    if (opaque && !filter_.violation()) {
      check(to_client_.text.substr(before) == piece, "opaque bytes are left alone");
    }
  }

  void offer() {
    if (!filter_.stalled() && !kept_.empty()) {
      const std::string offered = kept_;
      const size_t taken = filter_.from_client(as_bytes(offered));
      check(taken <= offered.size(), "no more is taken than there is");
      check(taken == offered.size() || filter_.stalled(), "bytes are left only when stalled");
      kept_ = offered.substr(taken);
    }
  }

  Text to_server_;
  Text to_client_;
  Events events_;
  Filter filter_;
  std::string sent_;
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
  check(cut.result() == whole.result(), "where the network cuts makes no difference");
  const uint8_t one = 0;
  Session bytes(input[0], Bytes(&one, 1));
  run(bytes, input.subspan(1));
  check(bytes.result() == whole.result(), "byte by byte makes no difference");
  return 0;
}

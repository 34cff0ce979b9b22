// RelayTest: a relay between two peers that the test plays; time is the test's, too.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/relay/relay.h"
#include "tests/metrics/figures.h"
#include "tests/support/fake_stream.h"
#include "tests/support/test_loop.h"

namespace postern {

using imap::Stop;

inline constexpr std::string_view kGreeting = "* OK ready\r\n";
inline constexpr std::string_view kBye = "* BYE see you\r\n";

class RelayTest : public testing::Test, public RelayObserver, public imap::ConversationObserver {
 protected:
  RelayTest() : counters(labels), cells(RelayMetrics::of(counters)), relay_(make_relay()) {}

  void start(std::string_view greeting = kGreeting, std::string_view early = {}) {
    relay_->start(greeting, early);
    client.deliver();
  }
  void log_in() {
    start();
    client.say("a LOGIN user secret\r\n");
    backend.say("a OK logged in\r\n");
    client.received.clear();
    backend.received.clear();
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }
  // Has the relay look so many times, whenever that may be.
  void look(uint64_t times) {
    for (; times > 0 && !ended(); --times) {
      loop.deadlines().advance(loop.now_ms() + 3'600'000, 1);
    }
  }
  Relay& relay() { return *relay_; }
  bool ended() const { return ends > 0; }
  uint64_t bytes(metrics::Hop hop, metrics::Direction direction) {
    return counters.cell<metrics::Metric::Bytes>(hop, direction).value();
  }
  uint64_t pauses(metrics::Hop hop) {
    return counters.cell<metrics::Metric::ReadPauses>(hop).value();
  }

  net::Loop loop;
  metrics::LabelSets labels = metrics::complete_labels();
  metrics::Counters counters;
  const RelayMetrics cells;
  test::FakeStream client;
  test::FakeStream backend;
  int ends = 0;
  std::optional<EndReason> reason;
  std::string bye;
  Error error;
  std::optional<uint64_t> hold_ms;  // answers to failed logins are held back so long
  std::string_view last_words;      // and this is said after them

  // With other limits, before start().
  void begin_with(const imap::Filter::Options& others) {
    options = others;
    relay_ = make_relay();
  }

 private:
  imap::Filter::Options options;
  std::unique_ptr<Relay> make_relay() {
    return std::make_unique<Relay>(loop, cells, client, backend, options, *this, *this);
  }
  void on_relay_end(EndReason why, std::string_view line, const Error& what) override {
    ++ends;
    reason = why;
    bye = line;
    error = what;
    client.abort();  // as the session does
    backend.abort();
  }
  imap::LoginLeave on_login_attempt(imap::Mechanism) override { return imap::LoginLeave::Go; }
  const SipHash::Key* name_key() override { return nullptr; }
  void on_login_result(imap::Mechanism, imap::LoginResult result, uint64_t) override {
    if (result == imap::LoginResult::Failure && hold_ms.has_value()) {
      relay().delay_answer(*hold_ms, EndReason::Banned, last_words);
    }
  }
  void on_unauthenticated() override {}
  void on_idle(bool) override {}
  void on_opaque() override {}
  void on_command_refused(imap::CommandRefusal) override {}
  void on_sasl_turn(bool) override {}
  void on_id_fields_dropped(unsigned) override {}
  uint32_t clock_ms() override { return 0; }
  void on_command_ended(imap::Command, imap::CommandResult, uint32_t) override {}

  std::unique_ptr<Relay> relay_;
};

}  // namespace postern

// A Filter between a scripted client and server: runs a transcript and records the outcome.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/imap/filter.h"
#include "tests/support/every_split.h"

namespace postern::imap {

class TextOutput final : public Output {
 public:
  void put(Bytes bytes) override {
    ++puts;
    text.append(as_text(bytes));
  }
  std::string text;
  int puts = 0;
};

// Records each call as a word or two.
class EventLog final : public ConversationObserver {
 public:
  LoginLeave on_login_attempt(Mechanism mechanism) override {
    note(std::string("attempt ") + name_of(mechanism));
    return leave;
  }
  const SipHash::Key* name_key() override { return &key; }
  void on_login_result(Mechanism mechanism, LoginResult result, uint64_t user) override {
    note(std::string(name_of(result)) + " " + name_of(mechanism));
    users.push_back(user);
  }
  void on_unauthenticated() override { note("unauthenticated"); }
  void on_idle(bool idling) override { note(idling ? "idle" : "awake"); }
  void on_opaque() override { note("opaque"); }
  void on_command_refused(CommandRefusal reason) override {
    note(std::string("refused ") + name_of(reason));
  }
  void on_sasl_turn(bool) override {}
  void on_id_fields_dropped(unsigned count) override { note("dropped " + std::to_string(count)); }
  uint32_t clock_ms() override { return now_ms; }
  void on_command_ended(Command command, CommandResult result, uint32_t sent_ms) override {
    commands.append(commands.empty() ? "" : ", ").append(name_of(command)).append(" ");
    commands.append(name_of(result));
    if (sent_ms != 0 && result != CommandResult::Abandoned) {
      commands.append(" ").append(std::to_string(now_ms - sent_ms));
    }
  }

  std::string events;
  std::string commands;  // those that have ended, and how many milliseconds after they were sent
  uint32_t now_ms = 1;
  std::vector<uint64_t> users;  // of the logins that have ended
  SipHash::Key key{1, 2};
  LoginLeave leave = LoginLeave::Go;

 private:
  void note(const std::string& event) { events.append(events.empty() ? "" : ", ").append(event); }
};

struct Outcome {
  std::string to_server;
  std::string to_client;
  std::string events;
  std::string commands;
  std::string violation;
  std::string kept;  // the client's bytes that were not taken
  bool boundary = false;

  bool operator==(const Outcome&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << "\n  to server: " << testing::PrintToString(outcome.to_server)
             << "\n  to client: " << testing::PrintToString(outcome.to_client)
             << "\n  events: " << outcome.events << "\n  commands: " << outcome.commands
             << "\n  violation: " << outcome.violation
             << "\n  kept: " << testing::PrintToString(outcome.kept)
             << "\n  boundary: " << outcome.boundary;
}

class FilterBench {
 public:
  explicit FilterBench(const Filter::Options& options = {})
      : filter(options, log, to_server, to_client) {}

  // Offers the kept bytes again only after all pieces of a step, so that a cut inside the server's
  // answer does not change which side spoke first.
  void run(const test::Arrival& arrival) {
    for (const std::string_view piece : arrival.pieces) {
      if (arrival.client) {
        kept.append(piece);
        offer();
      } else {
        filter.from_server(as_bytes(piece));
      }
    }
    offer();
  }
  void client(std::string_view bytes) { run({true, {bytes}}); }
  void server(std::string_view bytes) { run({false, {bytes}}); }

  Outcome outcome() const {
    return {to_server.text,
            to_client.text,
            log.events,
            log.commands,
            filter.violation() ? filter.violation().label() : "",
            filter.violation() ? "" : kept,
            filter.at_boundary()};
  }

  TextOutput to_server;
  TextOutput to_client;
  EventLog log;
  Filter filter;
  std::string kept;

 private:
  void offer() {
    if (!filter.stalled() && !kept.empty()) {
      const std::string offered = kept;
      kept = offered.substr(filter.from_client(as_bytes(offered)));
    }
  }
};

inline Outcome run_everywhere(const test::Transcript& transcript,
                              const Filter::Options& options = {}) {
  return test::every_split(transcript, [&](const std::vector<test::Arrival>& arrivals) {
    FilterBench bench(options);
    for (const test::Arrival& arrival : arrivals) {
      bench.run(arrival);
    }
    return bench.outcome();
  });
}

}  // namespace postern::imap

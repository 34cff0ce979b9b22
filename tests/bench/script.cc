// A fixed script of sessions for tests/bench/instructions, which runs it under callgrind: each
// phase is one kind of work, done often enough that a figure of it is one of the steady state. See
// model.h for what is real in it. Ends with status 77 if it was built without valgrind's header.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/model.h"

namespace postern::bench {
namespace {

constexpr int kSessions = 50;
constexpr int kTrips = 1'000;
constexpr int kFetches = 20;

std::unique_ptr<Client> client_of(Model& model, Model::Tls version, bool resume) {
  const Uncounted client_side;
  return std::make_unique<Client>(model.client_context(version), resume ? model.ticket() : nullptr);
}

void leave(std::unique_ptr<Client> client) {
  const Uncounted client_side;
  client.reset();
}

bool shake_hands(Model& model, const char* phase, Model::Tls version, bool resume) {
  bool good = true;
  // The first brings the ticket, and what the process allocates once.
  leave([&] {
    auto first = client_of(model, version, false);
    model.accept(*first);
    return first;
  }());
  count_phase("-");
  for (int i = 0; i < kSessions; ++i) {
    auto client = client_of(model, version, resume);
    model.accept(*client);
    good = good && client->secured() && client->resumed() == resume;
    leave(std::move(client));
  }
  return count_phase(phase) && good;
}

bool log_in(Model& model) {
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<Parked>> sessions;
  for (int i = 0; i < kSessions; ++i) {
    clients.push_back(client_of(model, Model::Tls::V13, false));
    sessions.push_back(model.accept(*clients.back()));
  }
  bool good = true;
  count_phase("-");
  for (size_t i = 0; i < sessions.size(); ++i) {
    good =
        model.ask(*sessions[i], *clients[i], "a LOGIN user secret\r\n") == "a OK done\r\n" && good;
  }
  count_phase("login");
  return good;
}

bool relay(Model& model) {
  auto client = client_of(model, Model::Tls::V13, false);
  const auto session = model.accept(*client);
  bool good = true;
  const auto repeat = [&](const char* phase, int times, const std::string& line,
                          const char* answer) {
    model.ask(*session, *client, line);
    count_phase("-");
    for (int i = 0; i < times; ++i) {
      const std::string heard = model.ask(*session, *client, line);
      good = good && heard.ends_with(answer);
    }
    count_phase(phase);
  };
  model.ask(*session, *client, "a LOGIN user secret\r\n");
  repeat("noop", kTrips, "b NOOP\r\n", "b OK done\r\n");
  repeat("fetch", kFetches, "c FETCH 65536\r\n", "c OK done\r\n");
  model.ask(*session, *client, "d IDLE\r\n");
  repeat("idle", kTrips, "DONE\r\nd IDLE\r\n", "+ idling\r\n");
  leave(std::move(client));
  return good;
}

int run() {
  if (!count_phase("-")) {
    std::fprintf(stderr, "script: built without valgrind/callgrind.h\n");
    return 77;
  }
  Model model;
  using Tls = Model::Tls;
  const bool good = shake_hands(model, "handshake13", Tls::V13, false) &&
                    shake_hands(model, "handshake12", Tls::V12, false) &&
                    shake_hands(model, "resumed13", Tls::V13, true) &&
                    shake_hands(model, "resumed12", Tls::V12, true) && log_in(model) &&
                    relay(model);
  if (!good) {
    std::fprintf(stderr, "script: a session did not go as it should\n");
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace postern::bench

int main() {
  return postern::bench::run();
}

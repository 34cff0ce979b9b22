// LoginFront behind the client's half of Filter, under any bytes: the first byte chooses the size
// of the pieces, and what follows is the client's up to a NUL, then the server's. Held to: the
// pieces make no difference; the server gets a login only, and word for word what Filter has
// passed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/imap/filter.h"
#include "proxy/imap/login_front.h"

namespace {

using namespace postern;        // NOLINT: a fuzz target
using namespace postern::imap;  // NOLINT

struct Text final : Output {
  void put(Bytes bytes) override { text.append(as_text(bytes)); }
  std::string text;
};

struct Silent final : ConversationObserver {
  LoginLeave on_login_attempt(Mechanism) override { return LoginLeave::Go; }
  const SipHash::Key* name_key() override { return nullptr; }
  void on_login_result(Mechanism, LoginResult, uint64_t) override {}
  void on_sasl_turn(bool) override {}
  void on_unauthenticated() override {}
  void on_idle(bool) override {}
  void on_opaque() override {}
  void on_command_refused(CommandRefusal) override {}
  void on_id_fields_dropped(unsigned) override {}
  uint32_t clock_ms() override { return 0; }
  void on_command_ended(Command, CommandResult, uint32_t) override {}
};

// What Filter passes goes to the front, and its answers back, as in a session.
std::string run(Bytes client, Bytes server, size_t piece) {
  Silent silent;
  Text to_server;
  Text to_client;
  // A budget that the smallest pieces do not spend.
  Filter filter({.limits = {.command_before_login = 16 * kMiB}}, silent, to_server, to_client);
  LoginFront front("IMAP4rev1 SASL-IR AUTH=PLAIN");
  LoginFront::Step step = LoginFront::Step::More;
  std::string passed;
  std::string answers;
  filter.from_server(as_bytes(front.greeting()));
  const auto talk = [&] {
    while (!to_server.text.empty() && step == LoginFront::Step::More) {
      const std::string said = std::exchange(to_server.text, {});
      passed.append(said);
      std::string replies;
      step = front.from_client(as_bytes(said), replies);
      answers.append(replies);
      filter.from_server(as_bytes(replies));
    }
  };
  while (!client.empty() && !filter.violation() && step == LoginFront::Step::More) {
    // A line at most: whether a tag is in flight depends on what has been answered.
    const size_t line = std::min(as_text(client).find('\n'), client.size() - 1) + 1;
    const size_t taken = filter.from_client(client.first(std::min(piece, line)));
    client = client.subspan(taken);
    talk();
    if (taken == 0) {
      break;
    }
  }
  if (step != LoginFront::Step::Named) {
    return answers;
  }
  std::string login;
  front.greeted(login);
  LoginFront::Answer answer = LoginFront::Answer::None;
  std::string heard;
  while (!server.empty() && answer == LoginFront::Answer::None) {
    size_t taken = 0;
    answer = front.from_server(server.first(std::min(piece, server.size())), taken, heard, login);
    check(taken > 0 || answer == LoginFront::Answer::Unreadable, "it goes on");
    server = server.subspan(taken);
  }
  check(passed.find(login) != std::string::npos, "a login is said again word for word");
  return answers + "|" + login + "|" + heard + "|" + std::to_string(static_cast<int>(answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const Bytes input = Bytes(data, size).subspan(1);
  const auto nul = static_cast<size_t>(std::ranges::find(input, uint8_t{0}) - input.begin());
  const Bytes client = input.first(nul);
  const Bytes server = input.subspan(std::min(nul + 1, input.size()));
  const std::string whole = run(client, server, size_t{1} << 20);
  check(run(client, server, size_t{1} + data[0] % 32) == whole,
        "where the network cuts makes no difference");
  return 0;
}

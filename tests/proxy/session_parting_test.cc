// How a session takes leave: of its server, and of a client that still has something to read.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/proxy/session_fixture.h"
#include "tests/support/certificates.h"

namespace postern {
namespace {

TEST_F(SessionTest, TellsAServerBehindTlsThatItsEndIsMeant) {
  const test::Authority authority;
  const auto context = test::server_context(authority, {"localhost"});
  backend = std::make_unique<ScriptedBackend>(
      loop, ScriptedBackend::Options{.tls = BackendTls::Implicit, .context = context.get()});
  config.backends[0].servers = {backend->host()};
  config.backends[0].tls = BackendTls::Implicit;
  config.backends[0].verify.mode = tls::Verification::Mode::None;
  log_in();
  gateway().drain();
  ASSERT_TRUE(until([&] { return backend->last().ended(); }));
  EXPECT_FALSE(backend->last().cut()) << "the stream has ended without close_notify";
  backend.reset();
}

TEST_F(SessionTest, HasAClientThatHangsUpOnItsSideReadWhatItAskedFor) {
  log_in();
  client->pause();
  const std::string line = "* OK " + std::string(16 * kKiB, 'x') + "\r\n";
  while (gateway().admission().memory().waiting() == 0) {
    backend->last().say(line);
    loop.run_once(10);
  }
  client->send("z LOGOUT\r\n");
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  client->finish();
  for (int turn = 0; turn < 5; ++turn) {  // which it hears of
    loop.run_once(10);
  }
  client->resume();
  EXPECT_TRUE(hears("z OK done\r\n"));
  EXPECT_TRUE(test::eventually(loop, [&] { return gateway().at_rest(); }));
}

}  // namespace
}  // namespace postern

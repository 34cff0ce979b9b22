// What an idle connection costs: the promise of tls/engine.h in numbers.
#include <malloc.h>

#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"

namespace postern::tls {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

constexpr size_t kMaxBytesEach = 3600;

size_t allocated() {
  return mallinfo2().uordblks;
}

// The server engines share a workspace, as those of one loop do; the test counts after the clients
// are gone.
class Memory : public testing::TestWithParam<uint16_t> {
 protected:
  void carry(Engine& engine, RawPeer& client) {
    while (!client.wire.empty()) {
      const std::string octets = std::exchange(client.wire, "");
      engine.feed(as_bytes(octets));
      while (engine.next() != Engine::Event::NeedInput) {
        ASSERT_FALSE(engine.error()) << engine.error().text();
      }
      pass_on(client);
    }
  }
  void pass_on(RawPeer& client) {
    const std::string octets(as_text(workspace_.outgoing()));
    workspace_.clear();
    client.take(octets);
  }
  std::unique_ptr<Engine> connect(size_t traffic) {
    RawPeer client = RawPeer::client(
        [](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, GetParam()); }, "mail.example.org");
    auto engine = Engine::server(*context_, workspace_);
    carry(*engine, client);
    EXPECT_TRUE(engine->open());
    engine->seal(as_bytes("* OK hello\r\n"));
    pass_on(client);
    const std::string bulk(traffic, 'x');
    if (!bulk.empty()) {
      engine->seal(as_bytes(bulk));
      pass_on(client);
      client.send(bulk);
      carry(*engine, client);
      EXPECT_EQ(client.received.size(), traffic + 12);
    }
    return engine;
  }
  size_t bytes_each(size_t count, size_t traffic) {
    connect(traffic);  // makes now what is made only once
    const size_t before = allocated();
    std::vector<std::unique_ptr<Engine>> engines(count);
    for (auto& engine : engines) {
      engine = connect(traffic);
    }
    const size_t each = (allocated() - before) / count;
    RecordProperty("bytes_each", std::to_string(each));
    return each;
  }

  const std::unique_ptr<ServerContext> context_ = server_context();
  Workspace workspace_;
};
INSTANTIATE_TEST_SUITE_P(Engine, Memory,
                         testing::Values(uint16_t{TLS1_2_VERSION}, uint16_t{TLS1_3_VERSION}),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Memory, AnIdleEngineCostsLittleMoreThanItsSession) {
  EXPECT_LT(bytes_each(1000, 0), kMaxBytesEach);
}

TEST_P(Memory, TrafficLeavesNothingBehind) {
  constexpr size_t kTolerance = 64;
  const size_t quiet = bytes_each(100, 0);
  EXPECT_LE(bytes_each(100, 256 * kKiB), quiet + kTolerance);
}

#endif

}  // namespace
}  // namespace postern::tls

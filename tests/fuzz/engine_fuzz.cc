// A server engine fed arbitrary octets. The first octet says in what portions they come.
#include <algorithm>
#include <cstdint>
#include <memory>

#include "proxy/base/check.h"
#include "tls/engine.h"

namespace {

using postern::Bytes;
using postern::check;
using namespace postern::tls;

std::unique_ptr<ServerContext> make_context() {
  auto store = CertificateStore::self_signed({"mail.example.org"});
  auto policy = Policy::preset("intermediate");
  auto context = ServerContext::make(
      {policy.value(), store.value(), TicketKeys::random(), "fuzz", &wall_clock_s});
  return std::move(context.value());
}

bool run(Engine& engine) {
  for (;;) {
    switch (engine.next()) {
      case Engine::Event::NeedInput:
        return true;
      case Engine::Event::Open:
        check(engine.open(), "Open is reported when it is true");
        break;
      case Engine::Event::Plaintext:
        check(!engine.plaintext().empty(), "plaintext is never empty");
        break;
      case Engine::Event::End:
        return false;
      case Engine::Event::Failed:
        check(static_cast<bool>(engine.error()), "a failure has a name");
        return false;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<ServerContext> context = make_context();
  static Workspace workspace;
  if (size == 0) {
    return 0;
  }
  const auto engine = Engine::server(*context, workspace);
  const size_t portion = data[0] == 0 ? size : data[0];
  Bytes rest(data + 1, size - 1);
  bool alive = true;
  while (alive && !rest.empty()) {
    const Bytes part = rest.first(std::min(portion, rest.size()));
    rest = rest.subspan(part.size());
    engine->feed(part);
    alive = run(*engine);
  }
  engine->feed_end();
  check(!run(*engine), "a connection that ended waits for nothing");
  engine->close();
  workspace.clear();
  return 0;
}

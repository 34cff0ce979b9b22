#include "proxy/probe/run.h"

#include <cstdlib>

namespace postern::probe {
namespace {

constexpr int kTurnMs = 50;

}  // namespace

Result<Record> run(const Request& request) {
  // A look-up that a thread has begun holds the loop until it ends.
  setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);  // NOLINT(concurrency-mt-unsafe): one thread
  const auto offers = Offers::make(request.ca_file);
  if (!offers) {
    return offers.faults();
  }
  tls::Workspace workspace;  // what the loop still has to delete when it goes may use it
  net::Loop loop;
  Probe probe(loop, workspace, *offers.value(), request);
  probe.start();
  while (!probe.done()) {
    loop.run_once(kTurnMs);
  }
  loop.run_once(0);  // lets go what is retired
  return probe.record();
}

}  // namespace postern::probe

// SessionContext: what the parts of one session share: its worker's services, its configuration,
// the client's address, and the permits that it holds. Loop's thread only; the session owns it, its
// parts refer to it.
#pragma once

#include <cstdint>
#include <memory>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/admission/handshake_queue.h"
#include "proxy/backend/dialer.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/relay/relay.h"
#include "proxy/session/internal/command_meter.h"
#include "proxy/session/session_lists.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

// What the session's worker lends it.
struct SessionServices {
  DialerServices dial;
  Admission& admission;
  RelayMetrics relay_metrics;
  CommandMeter& commands;
  SessionLists& sessions;
  HandshakeQueue& handshakes;
  const std::shared_ptr<Snapshot>& latest;  // in force now
};

// The client's address: the connection's, or the one that a PROXY header announces.
struct ClientOrigin {
  struct Announced {
    net::Address proxy;
    net::Address destination;  // where the client has connected to
  };
  net::Address address;  // the load balancer's own, if its header names no client
  std::unique_ptr<const Announced> announced = {};
};

struct SessionContext {
  const Config& config() const { return *snapshot->config; }
  const ListenerConfig& listener_config() const { return config().listeners[listener]; }
  // Whether the client's network is one whose probes are expected.
  bool from_probes() const { return net::contains(config().probes, origin.address); }
  net::Loop& loop() const { return services.dial.loop; }
  metrics::Counters& counters() const { return services.dial.counters; }
  const metrics::LabelSets& labels() const { return services.dial.labels; }

  const SessionServices& services;
  const std::shared_ptr<Snapshot> snapshot;
  const uint32_t listener;  // its index
  const uint64_t accepted_us;
  Admission::SessionPermit permit;
  ClientOrigin origin;
  const Pool* pool = nullptr;  // once a backend is wanted; the snapshot holds it
  ServerSlot slot = {};        // once a server is connected
  TlsStream* tls = nullptr;    // the client's, once it is open or has failed
  // When the client must have logged in; later after UNAUTHENTICATE.
  uint64_t login_at_ms = loop().now_ms() + config().timeouts.login_ms;
};

}  // namespace postern

// Gateway: what a worker has, without its thread: a loop's sessions behind two listeners, the
// implicit one (993) and the STARTTLS one (143), with all its counters open to the test.
// GatewayClient: a mail client before it, as well or ill behaved as the test wants. Loop's thread
// only; the loop outlives both, and both are destroyed outside of its callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/admission/admission.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/config/config.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/relay/end_reason.h"
#include "proxy/session/session.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/transport/tls_stream.h"
#include "tests/support/gateway_config.h"
#include "tests/support/test_loop.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern::test {

class Gateway final {
 public:
  Gateway(net::Loop& loop, Config config);
  ~Gateway();

  net::Address address(size_t listener) const { return ports_[listener]->listener.local(); }
  uint64_t figure(metrics::Metric metric, std::initializer_list<size_t> labels = {}) {
    return counters_.cell_at(metric, labels).value();
  }
  // Sessions that ended, for `reason` or for any.
  uint64_t ended(EndReason reason);
  uint64_t ended();
  // Nothing that a session takes is still taken: no session, permit or gauge.
  bool at_rest();

  net::Loop& loop() { return loop_; }
  const metrics::LabelSets& labels() const { return labels_; }
  metrics::Counters& counters() { return counters_; }
  Admission& admission() { return admission_; }
  Snapshot& snapshot() { return *snapshot_; }
  const DialerServices& dial_services() const { return services_.dial; }
  void drain();
  void cut();

 private:
  struct Port final : net::AcceptObserver {
    Port(Gateway& of, size_t i, int fd) : gateway(of), index(i), listener(of.loop_, fd, *this) {}
    void on_accept(std::unique_ptr<net::TcpStream> client) override;
    void on_accept_failure(const Error& error) override;
    Gateway& gateway;
    size_t index;
    net::Listener listener;
  };

  net::Loop& loop_;
  metrics::LabelSets labels_;
  metrics::Counters counters_;
  CommandMeter commands_{counters_};
  Admission admission_;
  BackendFacts facts_{labels_};
  tls::Workspace workspace_;
  SessionLists sessions_;
  HandshakeQueue handshakes_{loop_};
  SessionServices services_;
  std::shared_ptr<Snapshot> snapshot_;
  std::vector<std::unique_ptr<Port>> ports_;
};

class GatewayClient final : private net::StreamObserver {
 public:
  GatewayClient(net::Loop& loop, const net::Address& gateway);
  ~GatewayClient();

  void secure(tls::Version at_most = tls::Version::Tls13);  // begins TLS
  void send(std::string_view bytes);
  void send_in_clear(std::string_view bytes);  // beneath TLS
  void pause();
  void resume();
  void finish();  // close_notify and FIN
  void end();     // FIN alone
  void reset();   // RST

  bool connected() const { return connected_; }
  bool secured() const { return secured_; }
  // The gateway has closed, in order or not.
  bool over() const { return ended_ || failed_; }
  bool ended() const { return ended_; }
  bool failed() const { return failed_; }
  bool heard(std::string_view text) const { return received_.find(text) != std::string::npos; }
  const std::string& received() const { return received_; }
  void forget() { received_.clear(); }

 private:
  void on_open() override;
  void on_bytes(Bytes bytes) override { received_.append(as_text(bytes)); }
  void on_drained() override {}
  void on_end() override { ended_ = true; }
  void on_failure(const Error&) override { failed_ = true; }
  net::Stream& stream();

  net::Loop& loop_;
  tls::Workspace workspace_;
  std::unique_ptr<tls::ClientContext> context_;
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  net::TcpStream* transport_;  // of one of the two
  std::string received_;
  bool connected_ = false;
  bool secured_ = false;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace postern::test

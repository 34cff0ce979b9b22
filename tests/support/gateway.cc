#include "tests/support/gateway.h"

#include <sys/socket.h>

#include <utility>

#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "proxy/session/make_label_sets.h"
#include "tests/support/scripted_backend.h"
#include "tls/policy.h"

namespace postern::test {

using metrics::Metric;

// ---- Gateway

namespace {

Materials materials_of(Config config) {
  log::configure(log::Format::Text, log::Level::Error);
  return std::move(Materials::load(std::move(config), nullptr).value());
}

}  // namespace

Gateway::Gateway(net::Loop& loop, Config config)
    : loop_(loop),
      labels_(make_label_sets(config)),
      counters_(labels_),
      services_{.dial = {.loop = loop,
                         .workspace = workspace_,
                         .counters = counters_,
                         .labels = labels_,
                         .facts = facts_},
                .admission = admission_,
                .relay_metrics = RelayMetrics::of(counters_),
                .commands = commands_,
                .sessions = sessions_,
                .handshakes = handshakes_,
                .latest = snapshot_},
      snapshot_(Snapshot::make(materials_of(std::move(config)), labels_, 1).value().front()) {
  loop_.share(admission_.memory());
  for (size_t i = 0; i < snapshot_->config->listeners.size(); ++i) {
    const auto fd = net::open_listening_socket(snapshot_->config->listeners[i].address, {});
    ports_.push_back(std::make_unique<Port>(*this, i, fd.value()));
    ports_.back()->listener.start();
  }
}

Gateway::~Gateway() {
  cut();
  loop_.run_once(0);  // the sessions go before what they were lent
  static net::MemoryBudget unlimited;
  loop_.share(unlimited);  // clients and backends of the test may live longer
}

void Gateway::Port::on_accept(std::unique_ptr<net::TcpStream> client) {
  Session::begin(gateway.services_, gateway.snapshot_, index, std::move(client));
}

void Gateway::Port::on_accept_failure(const Error& error) {
  ADD_FAILURE() << error.text();
}

uint64_t Gateway::ended(EndReason reason) {
  return figure(Metric::SessionsTotal, {kImplicit, static_cast<size_t>(reason)}) +
         figure(Metric::SessionsTotal, {kStartTls, static_cast<size_t>(reason)});
}

uint64_t Gateway::ended() {
  uint64_t sum = 0;
  for (size_t i = 0; i < kCountOf<EndReason>; ++i) {
    sum += ended(static_cast<EndReason>(i));
  }
  return sum;
}

bool Gateway::at_rest() {
  uint64_t held = figure(Metric::SessionsActive, {kImplicit}) +
                  figure(Metric::SessionsActive, {kStartTls}) + figure(Metric::HandshakesInFlight) +
                  figure(Metric::SessionsAuthenticated) + figure(Metric::SessionsIdle) +
                  figure(Metric::SessionsOpaque);
  for (const auto& pool : snapshot_->pools) {
    for (size_t i = 0; i < pool->config().servers.size(); ++i) {
      held += figure(Metric::BackendSessions, {pool->server(i).label}) +
              pool->server(i).health->sessions;
    }
  }
  sessions_.for_each([&held](Session&) { ++held; });
  return held == 0 && sessions_.handshakes.empty() && admission_.sessions() == 0;
}

void Gateway::drain() {
  sessions_.for_each([](Session& session) { session.drain(); });
}

void Gateway::cut() {
  sessions_.for_each([](Session& session) { session.cut(); });
}

// ---- GatewayClient

GatewayClient::GatewayClient(net::Loop& loop, const net::Address& gateway)
    : loop_(loop),
      context_(trusting_context()),
      plain_(net::TcpStream::make(loop)),
      transport_(plain_.get()) {
  plain_->observe(*this);
  plain_->connect(gateway, {});
}

GatewayClient::~GatewayClient() = default;

net::Stream& GatewayClient::stream() {
  return tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
}

void GatewayClient::secure(tls::Version at_most) {
  if (at_most != tls::Version::Tls13) {
    tls::ClientSettings settings = context_->settings();
    settings.policy.max_version = at_most;
    context_ = std::move(tls::ClientContext::make(settings).value());
  }
  tls_ = TlsStream::client(loop_, std::move(plain_), *context_, workspace_, "localhost");
  tls_->observe(*this);
}

void GatewayClient::on_open() {
  (connected_ ? secured_ : connected_) = true;
}

void GatewayClient::send(std::string_view bytes) {
  stream().write(as_bytes(bytes));
}

void GatewayClient::send_in_clear(std::string_view bytes) {
  transport_->write(as_bytes(bytes));
}

void GatewayClient::pause() {
  stream().pause();
}

void GatewayClient::resume() {
  stream().resume();
}

void GatewayClient::finish() {
  stream().finish();
}

void GatewayClient::end() {
  transport_->finish();
}

void GatewayClient::reset() {
  transport_->reset();
}

}  // namespace postern::test

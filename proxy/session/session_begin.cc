// How a session begins: a place among all sessions, one among its client's, or a refusal.
#include <utility>
#include <variant>

#include "proxy/base/check.h"
#include "proxy/session/internal/messages.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/session/session.h"

namespace postern {

using metrics::Metric;

void Session::begin(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                    size_t listener, std::unique_ptr<net::TcpStream> client) {
  const Config& config = *snapshot->config;
  Admission& admission = services.admission;
  const net::Address peer = client->remote();
  if (!peer.valid()) {  // it was reset before it was accepted: no address that a rule could judge
    services.dial.counters.count<Metric::SessionsTotal>(ListenerLabel{listener},
                                                        EndReason::ClientFailed);
    client->abort();
    services.dial.loop.retire(std::move(client));
    return;
  }
  auto admitted = admission.admit_session(config, listener);
  const Refusal* limit = std::get_if<Refusal>(&admitted);
  Session* rival = limit != nullptr ? services.sessions.who_gives_way(*limit, listener) : nullptr;
  if (limit != nullptr && rival == nullptr) {
    refuse(services, config, listener, *limit, std::move(client));
    return;
  }
  Admission::SessionPermit permit = rival != nullptr
                                        ? admission.admit_in_place_of_another(listener)
                                        : std::get<Admission::SessionPermit>(std::move(admitted));
  if (!net::contains(config.listeners[listener].proxies, peer)) {  // else a PROXY header names it
    const auto objection =
        admission.admit_address(permit, config.limits, peer, services.dial.loop.now_ms());
    if (objection.has_value()) {
      refuse(services, config, listener, *objection, std::move(client));
      return;
    }
  }
  if (rival != nullptr) {  // only now, for a refused client needs no place
    rival->give_way(*limit);
  }
  auto* session = new Session(services, std::move(snapshot), listener, std::move(permit), peer);
  services.sessions.before[listener].waiting.push_back(*session);
  log_accepted(session->context_);
  session->setup_->start(std::move(client));
}

Session::Session(const SessionServices& services, std::shared_ptr<Snapshot> snapshot,
                 size_t listener, Admission::SessionPermit permit, const net::Address& peer)
    : context_{.services = services,
               .snapshot = std::move(snapshot),
               .listener = static_cast<uint32_t>(listener),
               .accepted_us = net::Loop::now_us(),
               .permit = std::move(permit),
               .origin = {.address = peer}},
      active_(services.dial.counters.cell<Metric::SessionsActive>(ListenerLabel{listener})) {
  ClientSetupObserver& observer = *this;
  setup_ = std::make_unique<ClientSetup>(context_, observer);
}

Session::~Session() {
  check(state_ == State::Closed, "a session is closed before it is deleted");
  forget_early();
}

// In clear a reason costs nothing. On 993 it would cost a handshake, which is what is scarce.
void Session::refuse(const SessionServices& services, const Config& config, size_t index,
                     Refusal refusal, std::unique_ptr<net::TcpStream> client) {
  const ListenerConfig& listener = config.listeners[index];
  if (listener.tls == ListenerTls::StartTls) {
    client->write(as_bytes(bye_for(refusal)));
  }
  services.dial.counters.count<Metric::SessionsTotal>(ListenerLabel{index}, end_reason(refusal));
  services.admission.refusals().refused(
      listener.text, client->remote(), refusal,
      limit_of(refusal, config, services.admission.possible_sessions(), index, client->remote()),
      services.dial.loop.now_ms());
  services.dial.facts.failures.add(kRefusalCauses[refusal], FailureBook::kNoBackend, [&] {
    return FailureBook::Details{.client = client->remote().ip_text()};
  });
  client->abort();
  services.dial.loop.retire(std::move(client));
}

}  // namespace postern

#include "proxy/backend/pool.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "proxy/base/bytes.h"

namespace postern {

namespace {

// FNV-1a with a final mix: spreads clients, needs no secret. It hashes the server's name and not
// its index, which changes when another server is removed.
uint64_t hash(Bytes ip, std::string_view server) {
  uint64_t h = 0xcbf29ce484222325;
  for (const Bytes part : {as_bytes(server), ip}) {
    for (const uint8_t octet : part) {
      h = (h ^ octet) * 0x100000001b3;
    }
  }
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  return h ^ (h >> 33);
}

}  // namespace

const std::vector<Endpoint>& BackendServer::endpoints() {
  if (generation_ != addresses.generation()) {
    generation_ = addresses.generation();
    endpoints_ = health->learn(addresses.known());
  }
  return endpoints_;
}

bool BackendServer::rests(uint64_t now_ms) {
  return std::ranges::all_of(
      endpoints(), [now_ms](const Endpoint& endpoint) { return endpoint.breaker->rests(now_ms); });
}

bool BackendServer::down() {
  return std::ranges::all_of(endpoints(),
                             [](const Endpoint& endpoint) { return endpoint.breaker->down(); });
}

std::string endpoint_text(const BackendServer& server, const net::Address& address) {
  const std::string text = address.text();
  return text == server.text ? "" : text;
}

Pool::Pool(const BackendConfig& config, std::unique_ptr<tls::ClientContext> context, size_t label,
           const std::vector<size_t>& server_labels, const PoolHealth& health)
    : config_(&config), context_(std::move(context)), label_(label) {
  for (size_t i = 0; i < config.servers.size(); ++i) {
    BackendServer& server = servers_.emplace_back();
    server.host = config.servers[i];
    server.text = server.host.text();
    server.label = server_labels[i];
    server.health = health[i];
  }
}

void Pool::take_over(const Pool& former) {
  for (BackendServer& server : servers_) {
    for (const BackendServer& older : former.servers_) {
      if (server.text == older.text && server.addresses.known().empty()) {
        server.addresses.store(older.addresses.known(), 0);
      }
    }
  }
}

std::vector<size_t> Pool::order(const net::Address& client) {
  std::vector<size_t> order(servers_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::rotate(order.begin(), order.begin() + static_cast<ptrdiff_t>(turn_++ % order.size()),
              order.end());
  switch (config_->balance) {
    case Balance::RoundRobin:
      break;
    case Balance::LeastSessions:
      std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
        return servers_[a].health->sessions < servers_[b].health->sessions;
      });
      break;
    case Balance::ClientHash:  // rendezvous hashing: removing a server moves only its own clients
      std::sort(order.begin(), order.end(), [this, &client](size_t a, size_t b) {
        return hash(client.ip(), servers_[a].text) > hash(client.ip(), servers_[b].text);
      });
      break;
  }
  return order;
}

}  // namespace postern

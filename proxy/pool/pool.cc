#include "proxy/pool/pool.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "proxy/base/bytes.h"

namespace postern {

namespace {

// FNV-1a with a final mix, as a number above 0 and up to 1: spreads clients, needs no secret. It
// hashes the server's name and not its index, which changes when another server is removed. A
// person with IPv6 has a /64.
double hash(const net::Address& client, std::string_view server) {
  const Bytes ip = client.is_v6() ? client.ip().first(8) : client.ip();
  uint64_t h = 0xcbf29ce484222325;
  for (const Bytes part : {as_bytes(server), ip}) {
    for (const uint8_t octet : part) {
      h = (h ^ octet) * 0x100000001b3;
    }
  }
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  return static_cast<double>((h >> 11) + 1) * 0x1p-53;
}

}  // namespace

const std::vector<Endpoint>& BackendServer::endpoints() {
  if (generation_ != addresses.generation()) {
    generation_ = addresses.generation();
    endpoints_ = health->learn(addresses.known());
    equals_ = static_cast<size_t>(std::ranges::find_if(endpoints_,
                                                       [this](const Endpoint& endpoint) {
                                                         return endpoint.address.is_v6() !=
                                                                endpoints_[0].address.is_v6();
                                                       }) -
                                  endpoints_.begin());
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
    : config_(&config),
      context_(std::move(context)),
      label_(label),
      scores_(config.servers.size()),
      shares_(config.servers.size()) {
  for (size_t i = 0; i < config.servers.size(); ++i) {
    BackendServer& server = servers_.emplace_back();
    server.config = config.servers[i];
    server.text = server.config.text();
    server.label = server_labels[i];
    server.health = health[i];
  }
}

void Pool::append_capabilities(std::vector<std::string>& lists) const {
  const size_t before = lists.size();
  for (const BackendServer& server : servers_) {
    if (std::string list = server.health->capabilities(); !list.empty()) {
      lists.push_back(std::move(list));
    }
  }
  if (lists.size() == before) {
    lists.emplace_back();
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

size_t Pool::sources(const net::Address& to) const {
  return static_cast<size_t>(std::ranges::count(
      config_->source, to.is_v6(), [](const net::Address& source) { return source.is_v6(); }));
}

net::Address Pool::next_source(const net::Address& to) {
  for (size_t i = 0; i < config_->source.size(); ++i) {
    const net::Address& source = config_->source[source_turn_++ % config_->source.size()];
    if (source.is_v6() == to.is_v6()) {
      return source;
    }
  }
  return {};
}

size_t Pool::first_address(BackendServer& server, const net::Address& client) {
  const std::vector<Endpoint>& known = server.endpoints();
  if (server.equals() < 2) {
    return 0;
  }
  if (config_->balance != Balance::ClientHash) {
    return address_turn_++ % server.equals();
  }
  const auto place = [&client](const Endpoint& endpoint) {
    return hash(client, endpoint.address.text());
  };
  const auto equals = std::span(known).first(server.equals());
  return static_cast<size_t>(std::ranges::max_element(equals, {}, place) - equals.begin());
}

std::vector<size_t> Pool::order(const net::Address& client, uint64_t now_ms) {
  std::vector<size_t> order(servers_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [this](size_t i) { return servers_[i].drains(); });
  const auto backups = std::stable_partition(
      order.begin(), order.end(), [this](size_t i) { return !servers_[i].config.backup; });
  rank({order.begin(), backups}, client, now_ms);
  rank({backups, order.end()}, client, now_ms);
  ++turn_;
  return order;
}

// Those that have just come back are left out of a session's turn, by chance, less and less. The
// scores are taken once: the counts of sessions change while they are compared.
void Pool::rank(std::span<size_t> servers, const net::Address& client, uint64_t now_ms) {
  const auto left_out = std::stable_partition(servers.begin(), servers.end(),
                                              [&](size_t i) { return is_warm(i, client, now_ms); });
  const std::span<size_t> warm =
      left_out == servers.begin() ? servers : std::span(servers.begin(), left_out);
  if (warm.size() < 2) {
    return;
  }
  int64_t weights = 0;
  for (const size_t i : warm) {
    const auto weight = static_cast<int64_t>(servers_[i].config.weight);
    weights += weight;
    shares_[i] += weight;
    scores_[i] = score(i, client);
  }
  // Among equals each is the first in its turn.
  std::rotate(warm.begin(), warm.begin() + static_cast<ptrdiff_t>(turn_ % warm.size()), warm.end());
  std::stable_sort(warm.begin(), warm.end(),
                   [this](size_t a, size_t b) { return scores_[a] < scores_[b]; });
  shares_[warm.front()] -= weights;
}

// For the same clients each time if clients have their servers, and else by the golden ratio, whose
// multiples are spread evenly from the first on.
bool Pool::is_warm(size_t server, const net::Address& client, uint64_t now_ms) const {
  const double warmth = servers_[server].health->warmth(config_->slow_start_ms, now_ms);
  if (warmth >= 1) {
    return true;
  }
  constexpr double kGolden = 0.61803398874989485;
  const double chance = config_->balance == Balance::ClientHash
                            ? hash(client, "slow start")
                            : std::fmod(static_cast<double>(turn_) * kGolden, 1.0);
  return chance < warmth;
}

double Pool::score(size_t server, const net::Address& client) const {
  const BackendServer& one = servers_[server];
  const auto weight = static_cast<double>(one.config.weight);
  switch (config_->balance) {
    case Balance::RoundRobin:  // smooth: weights 3 and 1 take turns as ABAA
      return -static_cast<double>(shares_[server]);
    case Balance::LeastSessions:
      return static_cast<double>(one.health->sessions.load(std::memory_order_relaxed) + 1) / weight;
    case Balance::ClientHash:  // rendezvous hashing: removing a server moves only its own clients
      return -std::log(hash(client, one.text)) / weight;
  }
  return 0;
}

}  // namespace postern

#include "proxy/admission/stricter_tls.h"

#include <algorithm>
#include <functional>

namespace postern {

StricterTls::Client* StricterTls::find(Clients& of, uint64_t number) {
  const auto known = std::ranges::find(of.last, number, &Client::number);
  return known != of.last.end() ? &*known : nullptr;
}

// In place of the one that has not come for the longest.
StricterTls::Client& StricterTls::begin(Clients& of, const net::Address& client,
                                        std::string server_name) {
  Client begun{.number = client_number(client),
               .address = client,
               .server_name = std::move(server_name),
               .last_s = 0,
               .times = 0};
  if (of.last.size() < kMost) {
    return of.last.emplace_back(std::move(begun));
  }
  Client& oldest = *std::ranges::min_element(of.last, {}, &Client::last_s);
  oldest = std::move(begun);
  return oldest;
}

std::vector<StricterTls::Client> StricterTls::clients(Stricter policy) const {
  const Clients& of = clients_[static_cast<size_t>(policy)];
  std::vector<Client> last;
  {
    const std::lock_guard lock(of.mutex);
    last = of.last;
  }
  std::ranges::stable_sort(last, std::greater(), &Client::last_s);
  return last;
}

}  // namespace postern

// StricterTls: the clients that a stricter TLS policy would keep out: the last addresses, so that
// an operator can ask them. The handshakes are counted by metrics. Any thread; no caller ever
// waits. Bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admission/client_table.h"
#include "proxy/base/names.h"
#include "proxy/net/address.h"

namespace postern {

// What the policy would require.
enum class Stricter : uint8_t { Tls13, PostQuantum, Shadow };  // Shadow: tls.shadow_policy
inline constexpr Names<Stricter> kStricterNames{"tls_1_3_only", "post_quantum_only",
                                                "shadow_policy"};
constexpr const char* name_of(Stricter stricter) {
  return kStricterNames[stricter];
}

class StricterTls {
 public:
  static constexpr size_t kMost = 16;  // of each

  struct Client {
    uint64_t number;  // client_number() of the address
    net::Address address;
    std::string server_name;  // that it asked for at first, as it came
    int64_t last_s;           // seconds since 1970
    uint64_t times;
  };

  // It has come in, and would not. `server_name` makes the name that it asked for, if that is new.
  template <typename Make>
  void add(Stricter policy, const net::Address& client, Make&& server_name) {
    Clients& of = clients_[static_cast<size_t>(policy)];
    const std::unique_lock lock(of.mutex, std::try_to_lock);
    if (!lock.owns_lock()) {
      return;  // the thread that is at it has a client to show, too
    }
    Client* known = find(of, client_number(client));
    if (known == nullptr) {
      known = &begin(of, client, std::forward<Make>(server_name)());
    }
    known->last_s = std::time(nullptr);
    ++known->times;
  }
  std::vector<Client> clients(Stricter policy) const;  // the last one first

 private:
  struct Clients {
    mutable std::mutex mutex;
    std::vector<Client> last;
  };
  static Client* find(Clients& of, uint64_t number);
  static Client& begin(Clients& of, const net::Address& client, std::string server_name);

  std::array<Clients, kCountOf<Stricter>> clients_;
};

}  // namespace postern

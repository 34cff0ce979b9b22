#include "proxy/admission/client_table.h"

#include <sys/random.h>

#include "proxy/base/check.h"

namespace postern {

SipHash::Key random_key() {
  SipHash::Key key;
  check(getrandom(&key, sizeof key, 0) == ssize_t{sizeof key}, "the system has random numbers");
  return key;
}

// The bit above keeps 0.0.0.1 and ::/64 apart; a v6 prefix loses its top bit to it, which is the
// same for all of 2000::/3.
uint64_t client_number(const net::Address& client) {
  const Bytes ip = client.ip();
  const size_t count = ip.size() < 8 ? ip.size() : 8;
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number = number << 8 | ip[i];
  }
  constexpr uint64_t kV6 = uint64_t{1} << 63;
  return client.is_v6() ? number | kV6 : number;
}

}  // namespace postern

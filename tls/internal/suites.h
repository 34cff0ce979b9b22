// The cipher suites and groups we know, once: IANA's name, the number on the wire, BoringSSL's
// name, and whether clients of ours may use it. Policies, the choice of certificates and metric
// labels all read these tables. Constants; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::tls {

enum class SuiteUse : uint8_t {
  Tls13,       // always on with TLS 1.3, in an order BoringSSL fixes
  EcdheEcdsa,  // ECDHE and AEAD: what RFC 9325 §4.2 leaves of TLS 1.2
  EcdheRsa,
  Legacy,  // static RSA, CBC, 3DES: toward a backend only
};

struct Suite {
  const char* name;  // IANA's, which BoringSSL's cipher lists understand as well
  uint16_t id;
  SuiteUse use;
};

struct Group {
  const char* name;            // IANA's
  const char* boringssl_name;  // what SSL_CTX_set1_curves_list calls it
  uint16_t id;
  bool built_in;
  bool post_quantum = false;  // then TLS 1.2 does not have it
};

std::span<const Suite> suites();
std::span<const Group> groups();
const Suite* find_suite(std::string_view name);
const Group* find_group(std::string_view name);

// The suite or group that another library's name means, or the right name in other letter case;
// null if it is none of ours. "ECDHE-RSA-AES128-GCM-SHA256", "prime256v1", "P-256", "x25519".
const Suite* suite_meant_by(std::string_view name);
const Group* group_meant_by(std::string_view name);

// The index of a wire number in cipher_names() and group_names() of tls/engine.h.
uint8_t cipher_index(uint16_t id);
uint8_t group_index(uint16_t id);

}  // namespace postern::tls

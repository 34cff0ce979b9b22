// ClientAuth: whether clients are asked for a certificate (mTLS), which authorities issue it, and
// which certificates are revoked. Files are read once, all faults at once; immutable afterwards,
// shared by the contexts of all threads (a verification takes the lock of the authorities for a
// moment).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/names.h"
#include "proxy/base/result.h"
#include "tls/failure.h"

struct ssl_ctx_st;
struct stack_st_CRYPTO_BUFFER;

namespace postern::tls {

struct ClientAuthFiles {
  enum class Mode { Required, Optional };  // Optional: none is accepted, a bad one is not
  Mode mode = Mode::Required;
  std::string ca_file = {};   // PEM
  std::string crl_file = {};  // PEM; empty: revocation is not checked
  std::string where = {};     // where the configuration names them: "postern.yaml:12"
};
inline constexpr Names<ClientAuthFiles::Mode> kClientAuthNames{"required", "optional"};
constexpr const char* name_of(ClientAuthFiles::Mode mode) {
  return kClientAuthNames[mode];
}

class ClientAuth {
 public:
  struct Verdict {
    std::optional<Failure> failure;  // nullopt: the certificate is good
    int64_t good_until = 0;          // seconds since 1970; no resumption may outlive it
  };

  static Result<std::shared_ptr<const ClientAuth>> load(const ClientAuthFiles& files);
  ~ClientAuth();

  bool required() const;
  // Announces the authorities to the clients of a context. False: out of memory.
  bool install(ssl_ctx_st* ctx) const;
  // Judges `chain`, leaf first. A verdict is good until one of the certificates, or the revocation
  // list for the client's own, expires.
  Verdict judge(const stack_st_CRYPTO_BUFFER* chain) const;
  // The digest of everything that decides about a client: resumption is bound to it.
  std::string_view digest() const;

 private:
  struct State;
  explicit ClientAuth(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::tls

// ClientAuth: whether clients are asked for a certificate (mTLS), which authorities issue theirs,
// and which of them are revoked. Files are read once, all faults at once; immutable afterwards,
// shared by the contexts of all threads (a verification takes the lock of the authorities for a
// moment).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "tls/failure.h"

struct ssl_ctx_st;
struct stack_st_CRYPTO_BUFFER;

namespace postern::tls {

struct ClientAuthFiles {
  enum class Mode { Required, Optional };  // Optional: none will do, a bad one will not
  Mode mode = Mode::Required;
  std::string ca_file = {};   // PEM
  std::string crl_file = {};  // PEM; empty: revocation is not looked at
  std::string where = {};     // where the configuration names them: "postern.yaml:12"
};

class ClientAuth {
 public:
  struct Verdict {
    std::optional<Failure> failure;  // nothing: a good client's
    int64_t good_until = 0;          // seconds since 1970; no resumption may outlive it
  };

  static Result<std::shared_ptr<const ClientAuth>> load(const ClientAuthFiles& files);
  ~ClientAuth();

  bool required() const;
  // Names the authorities to the clients of a context. False: out of memory.
  bool install(ssl_ctx_st* ctx) const;
  // Of `chain`, leaf first. It is good until one of its certificates or the revocation list about
  // the client's own has reached its end.
  Verdict judge(const stack_st_CRYPTO_BUFFER* chain) const;
  // Of all that decides who may come in: what resumption is bound to.
  std::string_view digest() const;

 private:
  struct State;
  explicit ClientAuth(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::tls

// ServerContext and ClientContext: an SSL_CTX set up from a policy, certificates and ticket keys or
// a verification rule. Made during set-up with all faults reported; then used by the engines of one
// worker only (each worker has its own, so no two threads share the lock or the reference count of
// an SSL_CTX). Must outlive the engines made from it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/base/result.h"
#include "tls/certificate_store.h"
#include "tls/client_auth.h"
#include "tls/policy.h"
#include "tls/ticket_keys.h"
#include "tls/verification.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace postern::tls {

int64_t wall_clock_s();  // seconds since 1970

struct ServerSettings {
  Policy policy;
  std::shared_ptr<const CertificateStore> certificates;
  std::shared_ptr<const TicketKeys> tickets;
  std::string binding;  // what sessions are bound to besides certificates and policy: the listener
  // Decides which window of the ticket keys is current and whether an OCSP response is fresh.
  int64_t (*clock_s)() = &wall_clock_s;
  std::shared_ptr<const ClientAuth> client_auth = {};  // null: clients are not asked
  std::optional<Policy> shadow = {};  // judged for every ClientHello, but refuses none
  bool strict_alpn = true;            // whether a client that offers ALPN must offer "imap"
};

class ServerContext {
 public:
  static Result<std::unique_ptr<ServerContext>> make(ServerSettings settings);
  ~ServerContext();
  ssl_ctx_st* get() const;
  const ServerSettings& settings() const;

 private:
  struct State;
  explicit ServerContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ClientSettings {
  Policy policy;  // Policy::toward_backend
  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<const CertificateStore> identity = {};  // shown if the server asks; null: none
  bool asks_for_staple = false;
  bool resumes = false;  // each connection offers the newest session that the server has given
};

class ClientContext {
 public:
  static Result<std::unique_ptr<ClientContext>> make(ClientSettings settings);
  ~ClientContext();
  ssl_ctx_st* get() const;
  ssl_session_st* session() const;  // to offer; null if there is none
  const ClientSettings& settings() const;

 private:
  struct State;
  explicit ClientContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::tls

#include "tls/context.h"
#include "tls/failure.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/internal/ssl_context.h"
#include "tls/internal/verifier.h"

namespace postern::tls {

// BoringSSL finds this again through the context's application data.
struct ClientContext::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static ssl_verify_result_t verify(SSL* ssl, uint8_t* alert) noexcept;
  static int keep_session(SSL* ssl, SSL_SESSION* session) noexcept;

  ClientSettings settings;
  // A backend shows the same chain on all its connections: the pool keeps its octets once. Outlives
  // ctx.
  bssl::UniquePtr<CRYPTO_BUFFER_POOL> pool;
  bssl::UniquePtr<SSL_CTX> ctx;
  bssl::UniquePtr<SSL_SESSION> session;  // the newest, if it resumes
};

// The verdict goes through the error queue, as BoringSSL's own do, to take_failure_detail(). The
// connection's application data is what is expected of it (see Engine::client).
ssl_verify_result_t ClientContext::State::verify(SSL* ssl, uint8_t* alert) noexcept {
  const auto& state = *static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  auto& check = *static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  const auto failure = state.settings.verifier->judge(SSL_get0_peer_certificates(ssl), check);
  if (!failure.has_value()) {
    ERR_clear_error();
    return ssl_verify_ok;
  }
  *alert = report_verdict(*failure);
  return ssl_verify_invalid;
}

// 1: the session is ours now.
int ClientContext::State::keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
  static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->session.reset(session);
  return 1;
}

ClientContext::ClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientContext::~ClientContext() = default;
ssl_ctx_st* ClientContext::get() const {
  return state_->ctx.get();
}
ssl_session_st* ClientContext::session() const {
  return state_->session.get();
}
const ClientSettings& ClientContext::settings() const {
  return state_->settings;
}

// Offers no ALPN: backends older than RFC 7301 may mishandle it, and strict ones may want another
// protocol.
Result<std::unique_ptr<ClientContext>> ClientContext::make(ClientSettings settings) {
  auto ctx = make_ssl_context(settings.policy);
  if (!ctx) {
    return ctx.faults();
  }
  auto state = std::make_unique<State>();
  state->settings = std::move(settings);
  state->pool.reset(CRYPTO_BUFFER_POOL_new());
  state->ctx = std::move(ctx.value());
  SSL_CTX_set_app_data(state->ctx.get(), state.get());
  SSL_CTX_set0_buffer_pool(state->ctx.get(), state->pool.get());
  SSL_CTX_set_custom_verify(state->ctx.get(), SSL_VERIFY_PEER, &State::verify);
  if (state->settings.identity &&
      !state->settings.identity->all().front()->install(state->ctx.get())) {
    return Fault{"", "BoringSSL does not take the client certificate: " +
                         std::string(take_failure_detail().reason)};
  }
  if (state->settings.asks_for_staple) {
    SSL_CTX_enable_ocsp_stapling(state->ctx.get());
  }
  if (state->settings.resumes) {
    SSL_CTX_set_session_cache_mode(state->ctx.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(state->ctx.get(), &State::keep_session);
  }
  return std::unique_ptr<ClientContext>(new ClientContext(std::move(state)));
}

}  // namespace postern::tls

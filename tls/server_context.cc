#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tls/context.h"
#include "tls/engine.h"
#include "tls/failure.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate_choice.h"
#include "tls/internal/client_hello.h"
#include "tls/internal/shadow.h"
#include "tls/internal/ssl_context.h"

namespace postern::tls {
namespace {

// A ticket opens in its own window and in the next, so it is good for at least this long.
constexpr uint32_t kSessionSeconds = static_cast<uint32_t>(TicketKeys::kWindowSeconds);

constexpr uint8_t kAlpnImap[] = {4, 'i', 'm', 'a', 'p'};  // RFC 7301 §6, IANA's registry

// What a ticket is bound to: this listener, these certificates, this policy, these clients
// (CVE-2025-23419). Each part has its length before it, so that no two settings give the same text.
std::string session_binding(const ServerSettings& settings) {
  const std::string policy = settings.policy.describe();
  const std::string_view parts[] = {
      settings.binding, settings.certificates->digest(), policy,
      settings.client_auth == nullptr ? "" : settings.client_auth->digest()};
  std::string text;
  for (const std::string_view part : parts) {
    text.append(std::to_string(part.size())).append(":").append(part);
  }
  return sha256(as_bytes(text));
}

// An ALPN list as text, "h2,http/1.1", at most so many octets of it.
std::string alpn_text(Bytes list) {
  constexpr size_t kMax = 100;
  std::string text;
  while (!list.empty() && text.size() <= kMax) {
    const size_t length = std::min<size_t>(list.front(), list.size() - 1);
    text.append(text.empty() ? "" : ",").append(as_text(list.subspan(1, length)));
    list = list.subspan(1 + length);
  }
  return text.size() <= kMax ? text : text.substr(0, kMax) + "...";
}

// BoringSSL finds it through the connection's application data (see Engine::server).
HelloNotes* notes_of(const SSL* ssl) {
  return static_cast<HelloNotes*>(SSL_get_app_data(ssl));
}

bool start_ticket(const TicketKeys::Key& key, const uint8_t* iv, EVP_CIPHER_CTX* cipher,
                  HMAC_CTX* hmac, int sealing) {
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.aes.data(), iv, sealing) == 1 &&
         HMAC_Init_ex(hmac, key.hmac.data(), key.hmac.size(), EVP_sha256(), nullptr) == 1;
}

}  // namespace

int64_t wall_clock_s() {
  return static_cast<int64_t>(std::time(nullptr));
}

// BoringSSL finds this again through the context's application data.
struct ServerContext::State {
  explicit State(ServerSettings from)
      : settings(std::move(from)), binding(session_binding(settings)) {}
  ~State() { OPENSSL_cleanse(keys.data(), sizeof keys); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool prepare();
  bool ask_clients();
  bool present(const CertificateStore::Certificate& chosen, const SSL_CLIENT_HELLO& hello) const;
  void take_notes(std::span<const CertificateStore::Certificate* const> candidates,
                  const SSL_CLIENT_HELLO& hello) const;
  void refresh_keys();
  static ssl_select_cert_result_t select_certificate(const SSL_CLIENT_HELLO* hello) noexcept;
  static int select_protocol(SSL* ssl, const uint8_t** chosen, uint8_t* length,
                             const uint8_t* offered, unsigned offered_length, void*) noexcept;
  void bound_resumption(SSL* ssl, int64_t good_until) const;
  static ssl_verify_result_t verify(SSL* ssl, uint8_t* alert) noexcept;
  static int ticket_key(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
                        HMAC_CTX* hmac, int sealing) noexcept;
  static State& of(const SSL* ssl) {
    return *static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }

  ServerSettings settings;
  std::string binding;
  bssl::UniquePtr<SSL_CTX> ctx;
  const CertificateStore::Certificate* installed = nullptr;  // what a new connection starts with
  std::optional<int64_t> window;
  std::array<TicketKeys::Key, 3> keys{};  // of this window, the previous and the next one
};

bool ServerContext::State::prepare() {
  installed = settings.certificates->find("").front();
  SSL_CTX_set_app_data(ctx.get(), this);
  SSL_CTX_set_select_certificate_cb(ctx.get(), &State::select_certificate);
  SSL_CTX_set_alpn_select_cb(ctx.get(), &State::select_protocol, nullptr);
  SSL_CTX_set_tlsext_ticket_key_cb(ctx.get(), &State::ticket_key);
  SSL_CTX_set_timeout(ctx.get(), kSessionSeconds);
  SSL_CTX_set_session_psk_dhe_timeout(ctx.get(), kSessionSeconds);
  const Bytes id = as_bytes(binding);
  return SSL_CTX_set_session_id_context(ctx.get(), id.data(), id.size()) == 1 &&
         installed->install(ctx.get()) && ask_clients();
}

bool ServerContext::State::ask_clients() {
  if (settings.client_auth == nullptr) {
    return true;
  }
  const int none_is_refused =
      settings.client_auth->required() ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_custom_verify(ctx.get(), SSL_VERIFY_PEER | none_is_refused, &State::verify);
  return settings.client_auth->install(ctx.get());
}

ssl_verify_result_t ServerContext::State::verify(SSL* ssl, uint8_t* alert) noexcept {
  const State& state = of(ssl);
  const auto verdict = state.settings.client_auth->judge(SSL_get0_peer_certificates(ssl));
  if (!verdict.failure.has_value()) {
    ERR_clear_error();
    state.bound_resumption(ssl, verdict.good_until);
    return ssl_verify_ok;
  }
  *alert = report_verdict(*verdict.failure);
  return ssl_verify_invalid;
}

// BoringSSL checks no certificate when a session is resumed. So a client's session ends when its
// certificate does, and after twelve hours at the latest: a renewed ticket inherits this limit.
// Then a full handshake judges the client again. (Another CA or CRL is another binding.)
void ServerContext::State::bound_resumption(SSL* ssl, int64_t good_until) const {
  SSL_SESSION* session = SSL_get_session(ssl);  // the new one
  const int64_t left_s = std::max<int64_t>(good_until - settings.clock_s(), 0);
  SSL_SESSION_set_timeout(session,
                          static_cast<uint32_t>(std::min<int64_t>(left_s, kSessionSeconds)));
}

// The certificate for the client's name is set on the connection itself. A second SSL_CTX for each
// certificate (SSL_set_SSL_CTX) would save the look at the leaf's public key, a few microseconds,
// but each would have to repeat policy, ALPN and tickets, and one that forgets is a hole
// (Perdition's CVE-2013-4584); and a thousand contexts for each worker would be some megabytes.
ssl_select_cert_result_t ServerContext::State::select_certificate(
    const SSL_CLIENT_HELLO* hello) noexcept {
  const State& state = of(hello->ssl);
  const char* name = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
  const auto candidates = state.settings.certificates->find(name == nullptr ? "" : name);
  const auto& chosen = choose_certificate(candidates, *hello, state.settings.policy);
  state.take_notes(candidates, *hello);
  return state.present(chosen, *hello) ? ssl_select_cert_success : ssl_select_cert_error;
}

// The response is set on each connection, because it may have become stale since the last one, and
// only for clients that ask, because BoringSSL copies it.
bool ServerContext::State::present(const CertificateStore::Certificate& chosen,
                                   const SSL_CLIENT_HELLO& hello) const {
  if (&chosen != installed && !chosen.install(hello.ssl)) {
    return false;
  }
  const auto& staple = chosen.staple;
  if (!staple.has_value() || !has_extension(hello, TLSEXT_TYPE_status_request) ||
      !staple->fresh_at(settings.clock_s())) {
    return true;
  }
  const Bytes der = as_bytes(staple->der);
  return SSL_set_ocsp_response(hello.ssl, der.data(), der.size()) == 1;
}

// A client that the policy in force refuses is not one that a stricter policy would cut off.
void ServerContext::State::take_notes(
    std::span<const CertificateStore::Certificate* const> candidates,
    const SSL_CLIENT_HELLO& hello) const {
  HelloNotes* notes = notes_of(hello.ssl);
  if (notes == nullptr) {
    return;
  }
  notes->highest_offer = highest_version(hello);
  notes->lacks_group = !shares_group(hello, settings.policy, /*tls13=*/false) &&
                       refusal(candidates, hello, settings.policy) == Failure::NoSharedGroup;
  if (settings.shadow.has_value() && !refusal(candidates, hello, settings.policy).has_value()) {
    notes->shadow_refusal = refusal(candidates, hello, *settings.shadow);
  }
}

// Strict (RFC 7301 §3.2): a client that offers protocols must offer ours, so that nothing meant for
// the server of another protocol can be sent here (ALPACA). Mail clients rarely offer any. Not
// strict: the offer is taken for none.
int ServerContext::State::select_protocol(SSL* ssl, const uint8_t** chosen, uint8_t* length,
                                          const uint8_t* offered, unsigned offered_length,
                                          void*) noexcept {
  uint8_t* found = nullptr;
  if (SSL_select_next_proto(&found, length, offered, offered_length, kAlpnImap, sizeof kAlpnImap) ==
      OPENSSL_NPN_NEGOTIATED) {
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
  }
  if (HelloNotes* notes = notes_of(ssl); notes != nullptr) {
    notes->alpn_offer =
        std::make_unique<const std::string>(alpn_text(Bytes(offered, offered_length)));
  }
  return of(ssl).settings.strict_alpn ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

void ServerContext::State::refresh_keys() {
  const int64_t now_s = settings.clock_s();
  if (window == now_s / TicketKeys::kWindowSeconds) {
    return;
  }
  window = now_s / TicketKeys::kWindowSeconds;
  constexpr std::array<int, 3> kOffsets = {0, -1, 1};
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = settings.tickets->derive(binding, now_s, kOffsets[i]);
  }
}

// RFC 5077 §4: the ticket names its key. The next window's opens, too: a replica's clock may be
// ahead.
int ServerContext::State::ticket_key(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
                                     HMAC_CTX* hmac, int sealing) noexcept {
  constexpr int kError = -1;
  constexpr int kUnknown = 0;
  constexpr int kGood = 1;
  constexpr int kGoodButRenew = 2;
  State& state = of(ssl);
  state.refresh_keys();
  if (sealing != 0) {
    const TicketKeys::Key& current = state.keys.front();
    std::copy(current.name.begin(), current.name.end(), name);
    RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_256_cbc()));
    return start_ticket(current, iv, cipher, hmac, sealing) ? kGood : kError;
  }
  for (const TicketKeys::Key& key : state.keys) {
    if (std::equal(key.name.begin(), key.name.end(), name)) {
      const int good = &key == &state.keys.front() ? kGood : kGoodButRenew;
      return start_ticket(key, iv, cipher, hmac, sealing) ? good : kError;
    }
  }
  return kUnknown;
}

ServerContext::ServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServerContext::~ServerContext() = default;
ssl_ctx_st* ServerContext::get() const {
  return state_->ctx.get();
}
const ServerSettings& ServerContext::settings() const {
  return state_->settings;
}

Result<std::unique_ptr<ServerContext>> ServerContext::make(ServerSettings settings) {
  check(settings.certificates != nullptr && settings.tickets != nullptr,
        "a server context has certificates and ticket keys");
  auto ctx = make_ssl_context(settings.policy);
  if (!ctx) {
    return ctx.faults();
  }
  auto state = std::make_unique<State>(std::move(settings));
  state->ctx = std::move(ctx.value());
  if (!state->prepare()) {
    ERR_clear_error();
    return Fault{"", "BoringSSL refuses the server's settings"};
  }
  return std::unique_ptr<ServerContext>(new ServerContext(std::move(state)));
}

}  // namespace postern::tls

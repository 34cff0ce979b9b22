#include "tls/engine.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/internal/names.h"
#include "tls/internal/suites.h"
#include "tls/internal/verifier.h"
#include "tls/internal/wiped_frees.h"
#include "tls/internal/workspace.h"

namespace postern::tls {
namespace {

constexpr char kHandshaking[] = "in the TLS handshake";
constexpr char kReading[] = "reading TLS";
constexpr char kSealing[] = "writing TLS";

constexpr size_t kMaxWriteBytes = size_t{1} << 30U;  // SSL_write counts in int

// Fatal protocol_version in a TLS 1.0 record: what BoringSSL says to old clients, too.
constexpr uint8_t kVersionAlert[] = {SSL3_RT_ALERT,          3, 1, 0, 2, SSL3_AL_FATAL,
                                     SSL_AD_PROTOCOL_VERSION};

// SNI carries names without the final dot, and no addresses (RFC 6066 §3).
std::string sni_for(const std::string& host) {
  if (is_ip_literal(host)) {
    return "";
  }
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

// The root's dot at the end, which SNI should not carry (RFC 6066 §3), makes no other name of it.
std::string name_asked_for(const SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string text = name == nullptr ? "" : name;
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text;
}

// Of the peer; null if it has shown none, or none that can be read.
bssl::UniquePtr<X509> leaf_of(const SSL* ssl) {
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl);
  return chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0
             ? nullptr
             : parse_certificate(*sk_CRYPTO_BUFFER_value(chain, 0));
}

}  // namespace

Engine::Engine(Workspace& workspace, ssl_st* ssl) : workspace_(workspace), ssl_(ssl) {
  check(ssl_ != nullptr, "an SSL fits into memory");
  BIO* bio = workspace.state_->bio.get();
  BIO_up_ref(bio);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_shed_handshake_config(ssl_, 1);
}

Engine::~Engine() {
  SSL_free(ssl_);
}

std::unique_ptr<Engine> Engine::server(const ServerContext& context, Workspace& workspace) {
  std::unique_ptr<Engine> engine(new Engine(workspace, SSL_new(context.get())));
  SSL_set_accept_state(engine->ssl_);
  SSL_set_info_callback(engine->ssl_, &Engine::note_alert);
  SSL_set_app_data(engine->ssl_, &engine->hello_);  // for ServerContext to fill
  return engine;
}

std::unique_ptr<Engine> Engine::client(const ClientContext& context, Workspace& workspace,
                                       const std::string& server_name) {
  std::unique_ptr<Engine> engine(new Engine(workspace, SSL_new(context.get())));
  SSL_set_connect_state(engine->ssl_);
  engine->peer_check_ = std::make_unique<PeerCheck>(PeerCheck{server_name, ""});
  SSL_set_app_data(engine->ssl_, engine->peer_check_.get());  // for ClientContext's verification
  if (const std::string sni = sni_for(server_name); !sni.empty()) {
    SSL_set_tlsext_host_name(engine->ssl_,
                             sni.c_str());  // a name that SNI cannot carry is not sent
  }
  if (context.session() != nullptr) {
    SSL_set_session(engine->ssl_, context.session());
  }
  engine->shake_hands();
  return engine;
}

// All calls into BoringSSL that may read or write pass here. Each of them first empties the
// thread's error queue.
template <typename Call>
int Engine::enter(Call call) {
  Workspace::State& shared = *workspace_.state_;
  shared.input = input_;
  const int result = call();
  input_ = shared.input;
  shared.input = {};
  return result;
}

void Engine::feed(Bytes ciphertext) {
  if (error_ || ended_) {
    return;
  }
  check(input_.empty(), "the ciphertext fed before was taken");
  input_ = ciphertext;
}

void Engine::feed_end() {
  transport_ended_ = true;
}

Engine::Event Engine::next() {
  if (error_) {
    return Event::Failed;
  }
  if (ended_) {
    return Event::End;
  }
  if (open_) {
    return has_input() ? read() : Event::NeedInput;
  }
  if (!recognised_ && !input_.empty()) {
    recognised_ = true;
    if (const Failure failure = recognise_plaintext(input_); failure != Failure::Truncated) {
      return refuse_plaintext(failure);
    }
  }
  return shake_hands();
}

Engine::Event Engine::refuse_plaintext(Failure failure) {
  if (failure == Failure::UnsupportedVersion) {
    auto& outgoing = workspace_.state_->outgoing;
    outgoing.insert(outgoing.end(), std::begin(kVersionAlert), std::end(kVersionAlert));
  }
  return fail(failure, kHandshaking);
}

Engine::Event Engine::shake_hands() {
  const Bytes offered = input_;
  const int result = enter([this] { return SSL_do_handshake(ssl_); });
  if (result != 1) {
    const Event event = pause_or_stop(result, kHandshaking);
    return event == Event::Failed ? name_better(offered) : event;
  }
  open_ = true;
  SSL_set_app_data(ssl_, nullptr);
  peer_check_.reset();
  return Event::Open;
}

// In TLS 1.2 BoringSSL finds no shared cipher where only the group is missing. A client of TLS 1.3
// that rejects our certificate may say so before it encrypts (OpenSSL's do). To BoringSSL, which
// expects a record encrypted by then, that is one that cannot be decrypted.
Engine::Event Engine::name_better(Bytes offered) {
  if (hello_.lacks_group && error_ == tls_error(Failure::NoSharedCipher, "")) {
    return fail(Failure::NoSharedGroup, kHandshaking);
  }
  const auto alert = alert_in_clear(offered);
  if (alert.has_value() && error_ == tls_error(Failure::DecryptError, "")) {
    return fail(FailureDetail{.failure = failure_of_alert(*alert), .alert = alert}, kHandshaking);
  }
  return Event::Failed;
}

// BoringSSL's callback on a connection that serves, until it is open.
void Engine::note_alert(const SSL* ssl, int type, int value) noexcept {
  auto* notes = static_cast<HelloNotes*>(SSL_get_app_data(ssl));
  if (type == SSL_CB_WRITE_ALERT && notes != nullptr) {
    notes->sent_alert = static_cast<uint8_t>(static_cast<unsigned>(value) & 0xffU);
  }
}

std::optional<Alert> Engine::alert() const {
  if (detail_ != nullptr && detail_->alert.has_value()) {
    return Alert{*detail_->alert, /*ours=*/false};
  }
  if (hello_.sent_alert.has_value()) {
    return Alert{*hello_.sent_alert, /*ours=*/true};
  }
  return std::nullopt;
}

// Whether reading can yield anything. Asked here, because asking by SSL_read() costs as much as
// reading a short record.
bool Engine::has_input() const {
  return !input_.empty() || transport_ended_ || SSL_has_pending(ssl_) != 0;
}

Engine::Event Engine::read() {
  if (!wipes_reads_) {
    return read_records();
  }
  const WipedFrees guard;
  return read_records();
}

// Gathers records until the scratch is full, because observers work better on large spans. If there
// was plaintext before what stops it, the next call reports what stopped it.
Engine::Event Engine::read_records() {
  Workspace::State& shared = *workspace_.state_;
  Event stop = Event::Plaintext;
  size_t size = 0;
  while (stop == Event::Plaintext && size < shared.scratch.size()) {
    const int result = enter([&] {
      return SSL_read(ssl_, shared.scratch.data() + size,
                      static_cast<int>(shared.scratch.size() - size));
    });
    if (result > 0) {
      size += static_cast<size_t>(result);
      if (!has_input()) {
        break;
      }
    } else {
      stop = pause_or_stop(result, kReading);
    }
  }
  shared.plaintext_size = size;
  return size > 0 ? Event::Plaintext : stop;
}

Engine::Event Engine::pause_or_stop(int result, const char* during) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return transport_ended_ ? fail(Failure::Truncated, during) : Event::NeedInput;
    case SSL_ERROR_ZERO_RETURN:  // close_notify
      if (!open_) {
        return fail(Failure::Truncated, during);
      }
      ended_ = true;
      input_ = {};
      return Event::End;
    default:
      return fail(take_failure_detail(), during);
  }
}

Engine::Event Engine::fail(FailureDetail detail, const char* during) {
  detail_ = std::make_unique<const FailureDetail>(detail);
  return fail(detail.failure, during);
}

Engine::Event Engine::fail(Failure failure, const char* during) {
  error_ = tls_error(failure, during);
  input_ = {};
  return Event::Failed;
}

Bytes Engine::plaintext() const {
  const Workspace::State& shared = *workspace_.state_;
  return Bytes(shared.scratch).first(shared.plaintext_size);
}

void Engine::wipe_plaintext() {
  Workspace::State& shared = *workspace_.state_;
  OPENSSL_cleanse(shared.scratch.data(), std::exchange(shared.plaintext_size, 0));
}

bool Engine::seal(Bytes plaintext) {
  check(open_ && !closed_, "plaintext is sealed between Open and close()");
  while (!error_ && !plaintext.empty()) {
    const size_t size = std::min(plaintext.size(), kMaxWriteBytes);
    const int result =
        enter([&] { return SSL_write(ssl_, plaintext.data(), static_cast<int>(size)); });
    if (result <= 0) {
      fail(take_failure_detail(), kSealing);
    } else {
      plaintext = plaintext.subspan(static_cast<size_t>(result));
    }
  }
  return !error_;
}

void Engine::close() {
  if (!open_ || closed_ || error_) {
    return;
  }
  closed_ = true;
  enter([this] { return SSL_shutdown(ssl_); });
}

Handshake Engine::handshake() const {
  check(open_, "a handshake is described after Open");
  Handshake result;
  result.version = static_cast<Version>(SSL_version(ssl_) - TLS1_VERSION);
  result.cipher = cipher_index(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl_)));
  result.resumed = SSL_session_reused(ssl_) == 1;
  // BoringSSL reports the group of the session's first handshake; TLS 1.2 resumes without any.
  const bool exchanged = !result.resumed || result.version == Version::Tls13;
  result.group = group_index(exchanged ? SSL_get_curve_id(ssl_) : 0);
  return result;
}

std::string Engine::server_name() const {
  std::string text = name_asked_for(ssl_);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(OPENSSL_tolower(c)); });
  return text;
}

std::string Engine::finding() const {
  return peer_check_ == nullptr ? "" : peer_check_->finding;
}

Engine::Lifetime Engine::peer_lifetime() const {
  const auto leaf = leaf_of(ssl_);
  if (leaf == nullptr) {
    return {};
  }
  return {posix_time(X509_get0_notBefore(leaf.get())), posix_time(X509_get0_notAfter(leaf.get()))};
}

ClientFacts Engine::client_facts() const {
  check(open_, "a client is described after Open");
  ClientFacts facts;
  facts.version = SSL_get_version(ssl_);
  facts.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl_));
  facts.resumed = SSL_session_reused(ssl_) == 1;
  facts.server_name = name_asked_for(ssl_);
  const uint8_t* alpn = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &alpn, &length);
  facts.alpn = as_text({alpn, length});
  if (const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl_);
      chain != nullptr && sk_CRYPTO_BUFFER_num(chain) > 0) {
    const auto leaf = parse_certificate(*sk_CRYPTO_BUFFER_value(chain, 0));
    facts.certificate = true;
    facts.common_name = leaf == nullptr ? "" : common_name(*leaf);
  }
  return facts;
}

std::string Engine::peer_subject() const {
  const auto leaf = leaf_of(ssl_);
  return leaf == nullptr ? "" : name_text(*X509_get_subject_name(leaf.get()));
}

}  // namespace postern::tls

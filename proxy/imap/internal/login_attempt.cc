#include "proxy/imap/internal/login_attempt.h"

#include <algorithm>
#include <limits>

#include "proxy/imap/internal/login_name.h"
#include "proxy/imap/internal/token_error.h"

namespace postern::imap {
namespace {

// After how many responses of a client a server can judge its secret.
unsigned responses_with_secret(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::Login:
    case Mechanism::ScramSha1:
    case Mechanism::ScramSha256:
    case Mechanism::Ntlm:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

void LoginAttempt::sent(bool by_sasl) {
  sent_ = true;
  by_sasl_ = by_sasl;
}

void LoginAttempt::response(std::string_view base64, const SipHash::Key* key) {
  if (base64 == "*") {
    cancelled_ = true;
    return;
  }
  if (responses_ == 0 && key != nullptr) {
    user_ = sasl_user(*key, mechanism_, base64);
  }
  responses_ = static_cast<uint8_t>(std::min(responses_ + 1, int{UINT8_MAX}));
}

void LoginAttempt::challenge(std::string_view base64) {
  expired_ = expired_ || says_expired(base64);
}

bool LoginAttempt::wants_challenge() const {
  return open_ && responses_ > 0 &&
         (mechanism_ == Mechanism::XOAuth2 || mechanism_ == Mechanism::OAuthBearer);
}

bool LoginAttempt::may_have_layer() const {
  return by_sasl_ && (mechanism_ == Mechanism::Gssapi || mechanism_ == Mechanism::DigestMd5 ||
                      mechanism_ == Mechanism::Ntlm || mechanism_ == Mechanism::Other);
}

LoginResult LoginAttempt::result_of(LoginResult answer) const {
  // Servers say BAD to a "*", even if they have judged a secret before.
  const bool is_open =
      answer == LoginResult::Failure || (answer == LoginResult::Unsupported && cancelled_);
  if (!is_open) {
    return answer;
  }
  if (expired_) {
    return LoginResult::Expired;
  }
  if (cancelled_ && !secret_sent()) {
    return LoginResult::Cancelled;
  }
  return responses_ == 0 ? LoginResult::Unsupported : LoginResult::Failure;
}

// Dovecot answers a command under a tag that it does not like so.
LoginResult LoginAttempt::result_of_silence() const {
  return rejected_ ? LoginResult::Unsupported : LoginResult::Failure;
}

LoginResult LoginAttempt::result_of_end(bool by_client) const {
  if (rejected_) {
    return LoginResult::Unsupported;
  }
  if (!by_client) {
    return refused_ && secret_sent() ? LoginResult::Failure : LoginResult::Interrupted;
  }
  return secret_sent() ? LoginResult::Abandoned : LoginResult::Cancelled;
}

bool LoginAttempt::next_response_has_secret() const {
  return responses_ + 1U >= responses_with_secret(mechanism_);
}

bool LoginAttempt::secret_sent() const {
  return sent_ && responses_ >= (by_sasl_ ? responses_with_secret(mechanism_) : 1);
}

}  // namespace postern::imap

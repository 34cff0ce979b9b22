#include "tls/client_auth.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/internal/file.h"
#include "tls/internal/file_kind.h"
#include "tls/internal/pem.h"
#include "tls/internal/verifier.h"

namespace postern::tls {

struct ClientAuth::State {
  ClientAuthFiles::Mode mode = ClientAuthFiles::Mode::Required;
  bssl::UniquePtr<X509_STORE> authorities;
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> names;  // their subjects, as DER
  std::vector<bssl::UniquePtr<X509_CRL>> lists;       // empty: revocation is not checked
  std::string digest;
};

namespace {

bssl::UniquePtr<CRYPTO_BUFFER> subject_of(X509& certificate) {
  uint8_t* der = nullptr;
  const int length = i2d_X509_NAME(X509_get_subject_name(&certificate), &der);
  const bssl::UniquePtr<uint8_t> free_der(der);
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      length <= 0 ? nullptr : CRYPTO_BUFFER_new(der, static_cast<size_t>(length), nullptr));
}

std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> subjects(X509_STORE& store) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> names;
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(&store);
  for (size_t i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509* certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (auto name = certificate == nullptr ? nullptr : subject_of(*certificate)) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

bool is_revocation_list(const PemBlock& block) {
  return block.label == PEM_STRING_X509_CRL;
}

// Adds every list of a PEM text to both. Returns what is wrong with the text, or nothing.
std::string add_revocations(std::string_view pem, const std::string& path, X509_STORE& store,
                            std::vector<bssl::UniquePtr<X509_CRL>>& into) {
  const auto blocks = split_pem(pem);
  const auto lists =
      blocks ? decode_blocks(blocks.value(), is_revocation_list) : Result<Octets>(blocks.faults());
  if (!lists) {
    return " " + lists.faults().front().message;
  }
  for (const auto& der : lists.value()) {
    const uint8_t* octets = CRYPTO_BUFFER_data(der.get());
    bssl::UniquePtr<X509_CRL> list(
        d2i_X509_CRL(nullptr, &octets, static_cast<long>(CRYPTO_BUFFER_len(der.get()))));
    if (list == nullptr || X509_STORE_add_crl(&store, list.get()) != 1) {
      ERR_clear_error();
      return " has a revocation list that cannot be parsed";
    }
    into.push_back(std::move(list));
  }
  return lists.value().empty() ? " holds no revocation list in PEM" + describe_kind(pem, path) : "";
}

// Until when the lists cover a certificate: the latest end among those of its issuer.
int64_t revocation_known_until(const std::vector<bssl::UniquePtr<X509_CRL>>& lists, X509& leaf) {
  int64_t until = 0;
  for (const auto& list : lists) {
    const bool is_about_it =
        X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_issuer_name(&leaf)) == 0;
    const ASN1_TIME* end = X509_CRL_get0_nextUpdate(list.get());
    if (is_about_it && end == nullptr) {
      return std::numeric_limits<int64_t>::max();
    }
    until = is_about_it ? std::max(until, posix_time(end)) : until;
  }
  return until;
}

int64_t earliest_end(const STACK_OF(X509) * chain) {
  int64_t until = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < sk_X509_num(chain); ++i) {
    until = std::min(until, posix_time(X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return until;
}

}  // namespace

ClientAuth::ClientAuth(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientAuth::~ClientAuth() = default;

std::string_view ClientAuth::digest() const {
  return state_->digest;
}

Result<std::shared_ptr<const ClientAuth>> ClientAuth::load(const ClientAuthFiles& files) {
  Faults faults;
  const auto read = [&](const char* what, const std::string& path) {
    Result<std::string> content = read_file(path);
    if (!content) {
      faults.push_back({files.where, what + content.faults().front().text()});
    }
    return content ? std::move(content.value()) : std::string();
  };
  const std::string ca = read("client_ca ", files.ca_file);
  const std::string crl = files.crl_file.empty() ? "" : read("crl ", files.crl_file);
  if (!faults.empty()) {
    return faults;
  }
  auto state = std::make_unique<State>();
  auto authorities = parse_authorities(ca, files.ca_file, Unparsable::IsFault);
  if (!authorities) {
    return Fault{files.where, "client_ca " + authorities.faults().front().text()};
  }
  state->mode = files.mode;
  state->authorities = std::move(authorities.value());
  state->names = subjects(*state->authorities);
  if (!files.crl_file.empty()) {
    const std::string wrong =
        add_revocations(crl, files.crl_file, *state->authorities, state->lists);
    if (!wrong.empty()) {
      return Fault{files.where, "crl " + files.crl_file + wrong};
    }
  }
  const char* mode = files.mode == ClientAuthFiles::Mode::Required ? "required" : "optional";
  state->digest = sha256(as_bytes(mode + sha256(as_bytes(ca)) + sha256(as_bytes(crl))));
  return std::shared_ptr<const ClientAuth>(new ClientAuth(std::move(state)));
}

bool ClientAuth::required() const {
  return state_->mode == ClientAuthFiles::Mode::Required;
}

bool ClientAuth::install(ssl_ctx_st* ctx) const {
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
  for (const auto& name : state_->names) {
    if (!bssl::PushToStack(names.get(), bssl::UpRef(name))) {
      return false;
    }
  }
  SSL_CTX_set0_client_CAs(ctx, names.release());
  return true;
}

ClientAuth::Verdict ClientAuth::judge(const stack_st_CRYPTO_BUFFER* chain) const {
  const auto certificates = parse_chain(chain);
  if (certificates == nullptr) {
    return {Failure::CertificateUntrusted};
  }
  X509& leaf = *sk_X509_value(certificates.get(), 0);
  const bool checks_revocation = !state_->lists.empty();
  const bssl::UniquePtr<X509_STORE_CTX> verification(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(verification.get(), state_->authorities.get(), &leaf,
                          certificates.get()) != 1 ||
      X509_STORE_CTX_set_default(verification.get(), "ssl_client") != 1) {
    return {Failure::Internal};
  }
  // An authority in the file is trusted, even an intermediate. Only the client's own certificate
  // must have a known revocation status; the operator chose its issuers.
  X509_VERIFY_PARAM_set_flags(
      X509_STORE_CTX_get0_param(verification.get()),
      X509_V_FLAG_PARTIAL_CHAIN | (checks_revocation ? X509_V_FLAG_CRL_CHECK : 0UL));
  if (X509_verify_cert(verification.get()) != 1) {
    return {failure_of(X509_STORE_CTX_get_error(verification.get()))};
  }
  const int64_t end = earliest_end(X509_STORE_CTX_get0_chain(verification.get()));
  return {std::nullopt,
          checks_revocation ? std::min(end, revocation_known_until(state_->lists, leaf)) : end};
}

}  // namespace postern::tls

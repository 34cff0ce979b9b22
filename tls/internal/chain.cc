#include "tls/internal/chain.h"

#include <optional>
#include <utility>

#include "tls/internal/certificate.h"
#include "tls/internal/names.h"
#include "tls/internal/verifier.h"

namespace postern::tls {
namespace {

using Certificates = std::vector<bssl::UniquePtr<X509>>;

bool has_issued(X509& issuer, X509& subject) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&issuer));
  const bool issued = X509_check_issued(&issuer, &subject) == X509_V_OK && key != nullptr &&
                      X509_verify(&subject, key.get()) == 1;
  ERR_clear_error();
  return issued;
}

// "number 2 (CN=R3,O=Let's Encrypt,C=US)"
std::string name_of(const Certificates& chain, size_t index) {
  return "number " + std::to_string(index + 1) + " (" +
         name_text(*X509_get_subject_name(chain[index].get())) + ")";
}

class Judgement {
 public:
  Judgement(const Certificates& chain, std::string path) : chain_(chain), path_(std::move(path)) {}

  std::vector<std::string> judge(SystemAuthorities& authorities) {
    follow_issuers();
    X509& leaf = *chain_.front();
    if (!leaf_has_issuer_ && !is_self_signed(leaf) &&
        !authorities.have(X509_get_issuer_name(&leaf))) {
      warn_of_missing_issuer(leaf);
    }
    for (const size_t index : left_over_) {
      warn_of_left_over(index);
    }
    judge_leaf(leaf);
    return std::move(messages_);
  }

 private:
  // TLS 1.2 wants each certificate to be followed by that of its issuer (RFC 5246 §7.4.2). What
  // does not continue the path is left over.
  void follow_issuers() {
    size_t last = 0;
    for (size_t i = 1; i < chain_.size(); ++i) {
      if (has_issued(*chain_[i], *chain_[last])) {
        leaf_has_issuer_ = true;
        last = i;
      } else {
        left_over_.push_back(i);
      }
    }
  }

  void warn(const std::string& message) { messages_.push_back("chain " + path_ + " " + message); }

  void warn_of_missing_issuer(X509& leaf) {
    const std::string issuer = name_text(*X509_get_issuer_name(&leaf));
    warn((chain_.size() == 1 ? "holds the leaf alone, not the certificate of its issuer ("
                             : "does not hold the certificate of the leaf's issuer (") +
         issuer +
         "); append it, unless it is a root that your clients have: those that do not have it "
         "refuse the leaf");
  }

  void warn_of_left_over(size_t index) {
    X509& certificate = *chain_[index];
    for (size_t i = 0; i < index; ++i) {
      if (X509_cmp(chain_[i].get(), &certificate) == 0) {
        warn("holds certificate number " + std::to_string(i + 1) + " again as number " +
             std::to_string(index + 1) + "; remove it");
        return;
      }
    }
    for (size_t i = 0; i < chain_.size(); ++i) {
      if (i == index || !has_issued(certificate, *chain_[i])) {
        continue;
      }
      if (i > index) {  // an issuer before what it has issued
        warn("holds certificate " + name_of(chain_, index) + " too early: it has issued " +
             name_of(chain_, i) + " and must stand after that");
      }
      return;  // else it is another way to a root, as with cross-signed authorities
    }
    warn("holds certificate " + name_of(chain_, index) +
         ", which has issued none of the others; remove it");
  }

  void judge_leaf(X509& leaf) {
    const uint32_t usage = X509_get_extended_key_usage(&leaf);  // all bits, if there is none
    if ((usage & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0) {
      warn(
          "begins with a certificate that is not for TLS servers (by its extended key usage); "
          "clients refuse it");
    }
    if (dns_names(leaf).empty() && ip_addresses(leaf).empty()) {
      const std::string name = common_name(leaf);
      warn("begins with a certificate without a name in its subjectAltName" +
           (name.empty() ? "" : "; its common name '" + name + "' is none (RFC 9525)") +
           ": clients refuse it");
    }
  }

  const Certificates& chain_;
  const std::string path_;
  bool leaf_has_issuer_ = false;
  std::vector<size_t> left_over_;
  std::vector<std::string> messages_;
};

}  // namespace

bool SystemAuthorities::have(X509_NAME* name) {
  if (!std::exchange(read_, true)) {
    auto store = load_system_authorities();
    if (store) {
      store_ = std::move(store.value());
    }
  }
  if (store_ == nullptr) {
    return false;
  }
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(store_.get());
  for (size_t i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509* one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (one != nullptr && X509_NAME_cmp(X509_get_subject_name(one), name) == 0) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> judge_chain(const Octets& chain, const std::string& path,
                                     SystemAuthorities& authorities) {
  Certificates parsed;
  for (const auto& der : chain) {
    parsed.push_back(parse_certificate(*der));
    if (parsed.back() == nullptr) {
      return {};  // a fault already
    }
  }
  return Judgement(parsed, path).judge(authorities);
}

bool is_self_signed(X509& certificate) {
  return X509_NAME_cmp(X509_get_subject_name(&certificate), X509_get_issuer_name(&certificate)) ==
             0 &&
         has_issued(certificate, certificate);
}

}  // namespace postern::tls

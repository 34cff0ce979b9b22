#include "tls/certificate_store.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "tls/context.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/certificate.h"
#include "tls/internal/chain.h"
#include "tls/internal/self_signed.h"

namespace postern::tls {
namespace {

using Certificate = CertificateStore::Certificate;

constexpr size_t kMaxNameBytes = 253;  // RFC 1035 §2.3.4, as text

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

bool is_wildcard(std::string_view name) {
  return name.starts_with("*.");
}

// RFC 9525 §6.3: a star is a whole left-most label or it means nothing.
bool usable(std::string_view name) {
  const size_t star = name.rfind('*');
  return !name.empty() && (star == std::string_view::npos || (star == 0 && is_wildcard(name)));
}

// The certificate of another store that has a fresh response for the same leaf.
const Certificate* find_fresh(const CertificateStore* store, const std::string& leaf_sha256) {
  if (store == nullptr) {
    return nullptr;
  }
  const auto& all = store->all();
  const auto found = std::find_if(all.begin(), all.end(), [&](const CertificatePtr& other) {
    return other->leaf_sha256 == leaf_sha256 && other->staple.has_value() &&
           other->staple->fresh_at(wall_clock_s());
  });
  return found == all.end() ? nullptr : found->get();
}

void staple(const CertificateFiles& files, const CertificateStore* former, Certificate& certificate,
            Faults& warnings) {
  auto& description = certificate.description;
  description.staple_expected =
      description.must_staple || (!files.ocsp.empty() && description.ocsp_responder);
  if (!files.ocsp.empty() && !description.ocsp_responder && !description.must_staple) {
    warnings.push_back(
        {files.where, "ocsp " + files.ocsp + " is for a certificate that names no " +
                          "OCSP responder: its authority has none, or none any "
                          "more; remove the key `ocsp` unless a job makes responses"});
  }
  if (const auto wrong = load_staple(files, certificate); wrong.has_value()) {
    const Certificate* other = find_fresh(former, certificate.leaf_sha256);
    if (other != nullptr) {
      certificate.staple = other->staple;
      description.ocsp_next_update = other->staple->next_update;
    }
    warnings.push_back({files.where, *wrong + (other == nullptr ? "; none is stapled"
                                                                : "; the former one is kept")});
  } else if (certificate.staple.has_value() && !certificate.staple->fresh_at(wall_clock_s())) {
    warnings.push_back({files.where, "ocsp " + files.ocsp +
                                         " is out of date or not valid yet; it is not stapled"});
  }
  if (description.must_staple && !certificate.staple.has_value()) {
    warnings.push_back({files.where, "chain " + files.chain +
                                         " promises clients an OCSP response (Must-Staple), but "
                                         "there is none; some will refuse it"});
  }
}

// "'a', 'b' and 3 more"
std::string list_some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  return names.size() <= kShown ? text
                                : text + " and " + std::to_string(names.size() - kShown) + " more";
}

}  // namespace

struct CertificateStore::Index {
  std::unordered_map<std::string, std::vector<const Certificate*>, TextHash, std::equal_to<>>
      by_name;  // a wildcard has its own text as key, "*.example.org"
  std::vector<const Certificate*> fallback;

  void add(const Certificate& certificate, Faults& warnings);
  void choose_fallback(const Certificate& first);
};

// Of two with the same kind of key, the first in the configuration serves the name: a warning says
// so. A refusal would keep every other certificate from being renewed.
void CertificateStore::Index::add(const Certificate& certificate, Faults& warnings) {
  const Description& mine = certificate.description;
  std::vector<std::pair<const Certificate*, std::vector<std::string>>> taken;
  for (const std::string& name : mine.names) {
    if (!usable(name)) {
      continue;
    }
    auto& candidates = by_name[name];
    const auto rival = std::find_if(candidates.begin(), candidates.end(), [&](const auto* other) {
      return other->description.key_type == mine.key_type;
    });
    if (rival == candidates.end()) {
      candidates.insert(std::upper_bound(candidates.begin(), candidates.end(), &certificate,
                                         [](const auto* a, const auto* b) {
                                           return a->description.key_type < b->description.key_type;
                                         }),
                        &certificate);
    } else if (*rival != &certificate) {  // else one certificate repeats a name
      auto at = std::find_if(taken.begin(), taken.end(),
                             [&](const auto& one) { return one.first == *rival; });
      at = at != taken.end() ? at : taken.insert(at, {*rival, {}});
      at->second.push_back(name);
    }
  }
  for (const auto& [first, names] : taken) {
    warnings.push_back({mine.where, mine.label + " and " + first->description.label +
                                        " are both for " + list_some(names) +
                                        " with the same kind of key; " + first->description.label +
                                        " serves " + (names.size() == 1 ? "it" : "them")});
  }
}

// Clients without SNI may know only RSA, too: they get a choice of all certificates with the first
// one's name.
void CertificateStore::Index::choose_fallback(const Certificate& first) {
  const auto& names = first.description.names;
  const auto found = names.empty() ? by_name.end() : by_name.find(names.front());
  fallback = found == by_name.end() ? std::vector{&first} : found->second;
}

CertificateStore::CertificateStore() : index_(std::make_unique<Index>()) {}
int64_t CertificateStore::Description::intermediates_end() const {
  const auto first = std::ranges::min_element(intermediates, {}, &Intermediate::not_after);
  return first == intermediates.end() ? 0 : first->not_after;
}

CertificateStore::~CertificateStore() = default;

Result<std::shared_ptr<const CertificateStore>> CertificateStore::load(
    const std::vector<CertificateFiles>& files, const CertificateStore* former) {
  if (files.empty()) {
    return Fault{"", "no certificate is configured"};
  }
  Faults faults;
  Faults warnings;
  std::vector<CertificatePtr> certificates;
  SystemAuthorities authorities;
  for (const CertificateFiles& one : files) {
    CertificatePtr certificate = load_certificate(one, faults);
    if (certificate == nullptr) {
      continue;
    }
    for (std::string& doubt : judge_chain(certificate->chain, one.chain, authorities)) {
      warnings.push_back({one.where, std::move(doubt)});
    }
    if (&one != &files.front() && certificate->description.names.empty()) {
      faults.push_back({one.where, "chain " + one.chain +
                                       " has no dNSName in its subjectAltName, so that no client "
                                       "would ever be shown it; only the first certificate may"});
    }
    staple(one, former, *certificate, warnings);
    certificates.push_back(std::move(certificate));
  }
  return assemble(std::move(certificates), std::move(faults), std::move(warnings));
}

Result<std::shared_ptr<const CertificateStore>> CertificateStore::self_signed(
    const std::vector<std::string>& names) {
  std::vector<CertificatePtr> certificates;
  certificates.push_back(make_self_signed(names));
  if (certificates.front() == nullptr) {
    return Fault{"", "a self-signed certificate could not be made for these names"};
  }
  return assemble(std::move(certificates), {}, {});
}

Result<std::shared_ptr<const CertificateStore>> CertificateStore::assemble(
    std::vector<std::unique_ptr<Certificate>> certificates, Faults faults, Faults warnings) {
  std::shared_ptr<CertificateStore> store(new CertificateStore);
  const bssl::UniquePtr<SSL_CTX> trial(SSL_CTX_new(TLS_with_buffers_method()));
  std::string leaves;
  for (const CertificatePtr& certificate : certificates) {
    if (!certificate->install(trial.get())) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      faults.push_back({certificate->description.where,
                        certificate->description.label + " cannot be used by a TLS server: " +
                            (reason == nullptr ? "unknown reason" : reason)});
      ERR_clear_error();
    }
    store->index_->add(*certificate, warnings);
    leaves.append(certificate->leaf_sha256);
  }
  if (!faults.empty()) {
    return faults;
  }
  store->certificates_ = std::move(certificates);
  store->warnings_ = std::move(warnings);
  store->index_->choose_fallback(*store->certificates_.front());
  store->digest_ = sha256(as_bytes(leaves));
  return std::shared_ptr<const CertificateStore>(std::move(store));
}

std::vector<CertificateStore::Description> CertificateStore::describe() const {
  std::vector<Description> descriptions;
  for (const CertificatePtr& certificate : certificates_) {
    descriptions.push_back(certificate->description);
  }
  return descriptions;
}

// Allocates and keeps nothing, because clients make up names.
std::span<const Certificate* const> CertificateStore::find(std::string_view server_name) const {
  if (server_name.ends_with('.')) {  // the root's, which SNI should not carry (RFC 6066 §3)
    server_name.remove_suffix(1);
  }
  if (server_name.empty() || server_name.size() > kMaxNameBytes) {
    return index_->fallback;
  }
  std::array<char, kMaxNameBytes> buffer;
  std::transform(server_name.begin(), server_name.end(), buffer.begin(),
                 [](char c) { return static_cast<char>(OPENSSL_tolower(c)); });
  const std::string_view name(buffer.data(), server_name.size());
  if (const auto exact = index_->by_name.find(name); exact != index_->by_name.end()) {
    return exact->second;
  }
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) {
    return index_->fallback;
  }
  // "mail.example.org" is looked up as "*.example.org", in place.
  buffer[dot - 1] = '*';
  const auto wildcard = index_->by_name.find(name.substr(dot - 1));
  return wildcard == index_->by_name.end() ? index_->fallback : wildcard->second;
}

const CertificateStore::Description& CertificateStore::served(std::string_view server_name) const {
  return find(server_name).front()->description;
}

bool CertificateStore::has_name(std::string_view server_name) const {
  return find(server_name).data() != index_->fallback.data();
}

}  // namespace postern::tls

// Judges how much of its lifetime a certificate has left: a renewal that is overdue, an end that is
// near. The shares are settings, since lifetimes differ: a certificate for 160 hours is renewed
// every few days, one for 398 days once a year.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/status/lifetime.h"
#include "tls/certificate_store.h"

namespace postern {

struct LifetimeNotice {
  Lifetime lifetime;    // never Good
  size_t certificate;   // number in CertificateStore::describe()
  size_t intermediate;  // 0: the leaf, else what is sent after it, from 1
  std::string subject;  // of the intermediate; empty for the leaf
  int64_t left_s;       // until its end, or until it becomes valid; negative: since its end
  int64_t lifetime_s;   // of the leaf: an intermediate lives for years, and must outlast the leaf
};

using Descriptions = std::vector<tls::CertificateStore::Description>;

// One for each leaf and intermediate about which something is to be said.
std::vector<LifetimeNotice> judge_lifetimes(const Descriptions& certificates,
                                            const CertificateShares& shares, int64_t now_s);
// When the next judgement differs; 0: never.
int64_t next_judgement(const Descriptions& certificates, const CertificateShares& shares,
                       int64_t now_s);

// "20d", "39h", "12m": for people.
std::string round_time(int64_t seconds);
// "its certificate should have been renewed: 20d of 90d are left".
std::string text_of(const LifetimeNotice& notice);
// For `postern check`: "chain tls.crt: its renewal is overdue: 20d of 90d are left".
std::string text_of(const LifetimeNotice& notice, const std::string& label);

}  // namespace postern

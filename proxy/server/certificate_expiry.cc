#include "proxy/server/certificate_expiry.h"

#include <algorithm>
#include <utility>

#include "proxy/log/log.h"

namespace postern {

namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kSoonDays = 14;

}  // namespace

void ExpiryReminder::follow(std::shared_ptr<const tls::CertificateStore> certificates) {
  certificates_ = std::move(certificates);
  looked_at_s_ = clock_s_();
  remind(looked_at_s_);
  arm_next(looked_at_s_);
}

void ExpiryReminder::on_deadline() {
  const int64_t now_s = clock_s_();
  report_stale(now_s);
  looked_at_s_ = now_s;
  if (now_s >= remind_at_s_) {
    remind(now_s);
  }
  arm_next(now_s);
}

void ExpiryReminder::remind(int64_t now_s) {
  remind_at_s_ = now_s + kDayS;
  for (const auto& certificate : certificates_->describe()) {
    const int64_t days = (certificate.not_after - now_s) / kDayS;
    if (certificate.not_after <= now_s) {
      log::error("certificate has expired",
                 {{"certificate", certificate.label}, {"days_ago", -days}});
    } else if (days < kSoonDays) {
      log::warn("certificate expires soon",
                {{"certificate", certificate.label}, {"days_left", days}});
    }
  }
}

// Those that were fresh at the last look.
void ExpiryReminder::report_stale(int64_t now_s) const {
  for (const auto& certificate : certificates_->describe()) {
    const int64_t end = certificate.ocsp_next_update;
    if (looked_at_s_ < end && end <= now_s) {
      log::warn("OCSP response is out of date, it is not stapled any more",
                {{"certificate", certificate.label}});
    }
  }
}

void ExpiryReminder::arm_next(int64_t now_s) {
  int64_t next_s = remind_at_s_;
  for (const auto& certificate : certificates_->describe()) {
    if (certificate.ocsp_next_update > now_s) {
      next_s = std::min(next_s, certificate.ocsp_next_update);
    }
  }
  const int64_t wait_s = std::clamp<int64_t>(next_s - now_s, 1, kDayS);
  arm(deadlines_, static_cast<uint64_t>(wait_s) * 1000);
}

}  // namespace postern

#include "proxy/server/internal/certificate_expiry.h"

#include <algorithm>
#include <utility>

#include "proxy/cause/cause.h"
#include "proxy/log/log.h"

namespace postern {

namespace {

bool holds(const std::vector<LifetimeNotice>& notices, const LifetimeNotice& wanted) {
  return std::any_of(notices.begin(), notices.end(), [&](const LifetimeNotice& one) {
    return one.lifetime == wanted.lifetime && one.certificate == wanted.certificate &&
           one.intermediate == wanted.intermediate;
  });
}

}  // namespace

void ExpiryReminder::follow(Descriptions certificates, const CertificateShares& shares) {
  const Descriptions former = std::exchange(certificates_, std::move(certificates));
  report_shortened(former);
  shares_ = shares;
  looked_at_s_ = clock_s_();
  remind(looked_at_s_, true);
  arm_next(looked_at_s_);
}

void ExpiryReminder::on_deadline() {
  const int64_t now_s = clock_s_();
  report_stale(now_s);
  remind(now_s, now_s >= remind_at_s_);
  looked_at_s_ = now_s;
  arm_next(now_s);
}

// Of all, or only of those that stand otherwise than at the last look.
void ExpiryReminder::remind(int64_t now_s, bool all) {
  const auto before =
      all ? std::vector<LifetimeNotice>() : judge_lifetimes(certificates_, shares_, looked_at_s_);
  for (const LifetimeNotice& notice : judge_lifetimes(certificates_, shares_, now_s)) {
    if (!holds(before, notice)) {
      report(notice);
    }
  }
  if (all) {
    remind_at_s_ = now_s + kDayS;
  }
}

void ExpiryReminder::report(const LifetimeNotice& notice) const {
  const std::string& label = certificates_[notice.certificate].label;
  const std::string left = round_time(notice.left_s);
  const std::string lifetime = round_time(notice.lifetime_s);
  const bool leaf = notice.intermediate == 0;
  switch (notice.lifetime) {
    case Lifetime::Good:
      return;
    case Lifetime::NotYetValid:
      log::warn("certificate is not valid yet",
                {{"certificate", label},
                 log::Field::optional("subject", notice.subject),
                 {"valid_in", left},
                 {"cause", name_of(Cause::CertificateNotYetValid)},
                 {"advice", describe(Cause::CertificateNotYetValid).fix}});
      return;
    case Lifetime::Overdue:
      if (leaf) {
        log::warn("certificate renewal is overdue",
                  {{"certificate", label}, {"left", left}, {"lifetime", lifetime}});
      } else {
        log::warn("intermediate certificate expires soon",
                  {{"certificate", label}, {"subject", notice.subject}, {"left", left}});
      }
      return;
    case Lifetime::Ending:
      if (leaf) {
        log::error("certificate expires soon",
                   {{"certificate", label}, {"left", left}, {"lifetime", lifetime}});
      } else {
        log::error("intermediate certificate expires soon",
                   {{"certificate", label}, {"subject", notice.subject}, {"left", left}});
      }
      return;
    case Lifetime::Expired:
      log::error(leaf ? "certificate has expired" : "intermediate certificate has expired",
                 {{"certificate", label},
                  log::Field::optional("subject", notice.subject),
                  {"days_ago", -notice.left_s / kDayS},
                  {"ago", round_time(-notice.left_s)},
                  {"cause", name_of(Cause::CertificateExpired)},
                  {"advice", describe(Cause::CertificateExpired).fix}});
      return;
  }
}

// Most often an old file that came back: the reminders before its end would come too late.
void ExpiryReminder::report_shortened(const Descriptions& former) const {
  for (const auto& now : certificates_) {
    const auto was =
        std::ranges::find(former, now.label, &tls::CertificateStore::Description::label);
    if (was != former.end() && now.not_after < was->not_after) {
      log::warn("certificate ends earlier than the one that it replaces",
                {{"certificate", now.label},
                 {"left", round_time(now.not_after - clock_s_())},
                 {"left_before", round_time(was->not_after - clock_s_())},
                 {"advice", "if that is not meant, look which file the renewal has written"}});
    }
  }
}

// Those that were fresh at the last look.
void ExpiryReminder::report_stale(int64_t now_s) const {
  for (const auto& certificate : certificates_) {
    const int64_t end = certificate.ocsp_next_update;
    if (looked_at_s_ < end && end <= now_s) {
      log::warn("OCSP response is out of date, it is not stapled any more",
                {{"certificate", certificate.label}});
    }
  }
}

void ExpiryReminder::arm_next(int64_t now_s) {
  int64_t next_s = remind_at_s_;
  if (const int64_t change_s = next_judgement(certificates_, shares_, now_s); change_s != 0) {
    next_s = std::min(next_s, change_s);
  }
  for (const auto& certificate : certificates_) {
    if (certificate.ocsp_next_update > now_s) {
      next_s = std::min(next_s, certificate.ocsp_next_update);
    }
  }
  const int64_t wait_s = std::clamp<int64_t>(next_s - now_s, 1, kDayS);
  arm(deadlines_, static_cast<uint64_t>(wait_s) * 1000);
}

}  // namespace postern

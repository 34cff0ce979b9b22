#include "proxy/server/certificate_lifetime.h"

#include <algorithm>
#include <string_view>

namespace postern {
namespace {

using Description = tls::CertificateStore::Description;

constexpr int64_t kHourS = 3'600;

// From when on so many percent of the leaf's lifetime are left, or less.
int64_t begin_of_share(const Description& leaf, int64_t end_s, size_t percent) {
  const int64_t lifetime_s = std::max<int64_t>(leaf.not_after - leaf.not_before, 0);
  return end_s - lifetime_s * static_cast<int64_t>(percent) / 100;
}

// Calls with the dates of the leaf and of all that is sent after it.
template <typename Take>
void each_date(const Descriptions& certificates, Take take) {
  for (size_t i = 0; i < certificates.size(); ++i) {
    const Description& leaf = certificates[i];
    take(i, size_t{0}, std::string_view(), leaf.not_before, leaf.not_after);
    for (size_t k = 0; k < leaf.intermediates.size(); ++k) {
      const auto& one = leaf.intermediates[k];
      take(i, k + 1, std::string_view(one.subject), one.not_before, one.not_after);
    }
  }
}

Lifetime judge(const Description& leaf, int64_t not_before, int64_t not_after,
               const CertificateShares& shares, int64_t now_s) {
  if (not_after <= now_s) {
    return Lifetime::Expired;
  }
  if (now_s < not_before) {
    return Lifetime::NotYetValid;
  }
  if (begin_of_share(leaf, not_after, shares.alarm_percent) < now_s) {
    return Lifetime::Ending;
  }
  if (begin_of_share(leaf, not_after, shares.renewal_overdue_percent) < now_s) {
    return Lifetime::Overdue;
  }
  return Lifetime::Good;
}

}  // namespace

std::vector<LifetimeNotice> judge_lifetimes(const Descriptions& certificates,
                                            const CertificateShares& shares, int64_t now_s) {
  std::vector<LifetimeNotice> notices;
  each_date(certificates, [&](size_t certificate, size_t intermediate, std::string_view subject,
                              int64_t not_before, int64_t not_after) {
    const Description& leaf = certificates[certificate];
    const Lifetime lifetime = judge(leaf, not_before, not_after, shares, now_s);
    if (lifetime == Lifetime::Good) {
      return;
    }
    notices.push_back(
        {.lifetime = lifetime,
         .certificate = certificate,
         .intermediate = intermediate,
         .subject = std::string(subject),
         .left_s = (lifetime == Lifetime::NotYetValid ? not_before : not_after) - now_s,
         .lifetime_s = leaf.not_after - leaf.not_before});
  });
  return notices;
}

int64_t next_judgement(const Descriptions& certificates, const CertificateShares& shares,
                       int64_t now_s) {
  int64_t next_s = 0;
  const auto consider = [&](int64_t at_s) {
    if (at_s > now_s && (next_s == 0 || at_s < next_s)) {
      next_s = at_s;
    }
  };
  each_date(certificates, [&](size_t certificate, size_t, std::string_view, int64_t not_before,
                              int64_t not_after) {
    const Description& leaf = certificates[certificate];
    consider(not_before);
    consider(begin_of_share(leaf, not_after, shares.renewal_overdue_percent) + 1);
    consider(begin_of_share(leaf, not_after, shares.alarm_percent) + 1);
    consider(not_after);
  });
  return next_s;
}

std::string round_time(int64_t seconds) {
  if (seconds >= 3 * kDayS) {
    return std::to_string(seconds / kDayS) + "d";
  }
  return seconds >= kHourS ? std::to_string(seconds / kHourS) + "h"
                           : std::to_string(seconds / 60) + "m";
}

std::string text_of(const LifetimeNotice& notice) {
  const std::string text = notice.intermediate == 0
                               ? "its certificate "
                               : "certificate number " + std::to_string(notice.intermediate + 1) +
                                     " (" + notice.subject + "), which is sent after the leaf, ";
  const bool leaf = notice.intermediate == 0;
  const std::string left = round_time(notice.left_s);
  const std::string of_lifetime = left + " of " + round_time(notice.lifetime_s) + " are left";
  switch (notice.lifetime) {
    case Lifetime::NotYetValid:
      return text + "becomes valid only in " + left + "; look at the clock too";
    case Lifetime::Overdue:
      return text + (leaf ? "should have been renewed: " + of_lifetime
                          : "expires in " + left + "; put a newer one in its place");
    case Lifetime::Ending:
      return text + "expires soon" + (leaf ? ": " + of_lifetime : ", in " + left);
    case Lifetime::Good:
    case Lifetime::Expired:
      break;
  }
  return text + "has expired " + round_time(-notice.left_s) + " ago; clients refuse it";
}

std::string text_of(const LifetimeNotice& notice, const std::string& label) {
  return "chain " + label + ": " + text_of(notice);
}

}  // namespace postern

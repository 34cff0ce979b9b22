// ExpiryReminder: says in the log what is running out: each certificate, and each one that is sent
// after it, when its state changes (see certificate_lifetime.h) and then once a day, and an OCSP
// response when it ceases to be served. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/config/config.h"
#include "proxy/net/deadline.h"
#include "proxy/server/certificate_lifetime.h"
#include "tls/certificate_store.h"
#include "tls/context.h"

namespace postern {

class ExpiryReminder final : private net::Deadline {
 public:
  // `clock_s` is asked for the date, seconds since 1970; the wheel must outlive this.
  explicit ExpiryReminder(net::DeadlineWheel& deadlines, int64_t (*clock_s)() = &tls::wall_clock_s)
      : deadlines_(deadlines), clock_s_(clock_s) {}
  // Speaks of these certificates from now on, beginning at once.
  void follow(Descriptions certificates, const CertificateShares& shares);

 private:
  void on_deadline() override;
  void remind(int64_t now_s, bool all);
  void report(const LifetimeNotice& notice) const;
  void report_shortened(const Descriptions& former) const;
  void report_stale(int64_t now_s) const;
  void arm_next(int64_t now_s);

  net::DeadlineWheel& deadlines_;
  int64_t (*const clock_s_)();
  Descriptions certificates_;
  CertificateShares shares_;
  int64_t looked_at_s_ = 0;
  int64_t remind_at_s_ = 0;
};

}  // namespace postern

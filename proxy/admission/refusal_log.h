// RefusalLog logs refused clients and refused logins without a flood: the first refusal of an
// address for a reason is logged at once, further ones within the minute are counted and logged in
// one line after it. Bounded: beyond kMost addresses in a minute it logs only their number. Any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <tuple>

#include "proxy/admission/refusal.h"
#include "proxy/admission/refusal_limit.h"
#include "proxy/cause/cause.h"
#include "proxy/net/address.h"

namespace postern {

class RefusalLog {
 public:
  static constexpr uint64_t kIntervalMs = 60'000;
  static constexpr size_t kMost = 1024;

  ~RefusalLog();

  // `now_ms` is a loop's.
  void refused(std::string_view listener, const net::Address& client, Refusal reason,
               const RefusalLimit& limit, uint64_t now_ms);
  // The server has refused it for another reason than a wrong secret. `mechanism` and `result` are
  // string literals.
  void login_refused(std::string_view listener, const net::Address& client,
                     std::string_view mechanism, std::string_view result, Cause cause,
                     std::string_view server, uint64_t now_ms);
  // Logs what was counted in a minute that is over. Call it now and then.
  void report(uint64_t now_ms);

 private:
  enum class What : uint8_t { Session, Login };
  using Key = std::tuple<uint64_t, What, std::string_view>;  // client_number(), what, why
  struct Count {
    net::Address client;
    uint64_t more = 0;  // refusals without a line of their own
  };

  bool has_own_line(What what, const net::Address& client, std::string_view why, uint64_t now_ms);
  void report_counted();

  std::mutex mutex_;
  uint64_t interval_ends_ms_ = 0;
  std::map<Key, Count> counts_;
  std::array<uint64_t, 2> others_{};  // sessions, logins
};

}  // namespace postern

// RefusalLog: a line for a client that is refused, and no flood of them: the first refusal of an
// address for a reason is told at once, those that follow within the minute are counted and told
// together after it. Bounded, whoever comes: beyond kMost addresses in a minute only their number
// is told. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "proxy/end_reason.h"
#include "proxy/net/address.h"

namespace postern {

class RefusalLog {
 public:
  static constexpr uint64_t kIntervalMs = 60'000;
  static constexpr size_t kMost = 1024;

  ~RefusalLog();

  // `now_ms` is a loop's.
  void refused(std::string_view listener, const net::Address& client, EndReason reason,
               uint64_t now_ms);
  // Tells what has been counted in a minute that is over. To be called now and then.
  void tell(uint64_t now_ms);

 private:
  struct Count {
    net::Address client;
    uint64_t more = 0;  // refusals that have no line of their own
  };

  void tell_counted();

  std::mutex mutex_;
  uint64_t interval_ends_ms_ = 0;
  std::map<std::pair<uint64_t, EndReason>, Count> counts_;  // by client_number()
  uint64_t others_ = 0;
};

}  // namespace postern

#include "proxy/server/heap_trim.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

#include "proxy/log/log.h"

namespace postern {

size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) {
    return 0;
  }
  size_t pages = 0;
  const bool read = std::fscanf(file, "%*u %zu", &pages) == 1;
  std::fclose(file);
  return read ? pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

bool TrimRule::due(size_t resident_bytes, size_t sessions) const {
  // Unsigned, so in the order in which nothing falls below zero.
  const size_t explained = resident_bytes_ + sessions * kSessionBytes + kWorthwhile - 1;
  return resident_bytes + sessions_ * kSessionBytes > explained;
}

void TrimRule::trimmed(size_t resident_bytes, size_t sessions) {
  resident_bytes_ = resident_bytes;
  sessions_ = sessions;
}

HeapTrim::HeapTrim(net::Loop& loop, const Admission& admission)
    : loop_(loop), admission_(admission) {
  rule_.trimmed(resident_bytes(), 0);
  arm(loop_.deadlines(), kEveryMs);
}

void HeapTrim::on_deadline() {
  arm(loop_.deadlines(), kEveryMs);
  const size_t before = resident_bytes();
  const size_t sessions = admission_.sessions();
  if (!rule_.due(before, sessions)) {
    return;
  }
  const uint64_t start_us = net::Loop::now_us();
  malloc_trim(0);
  const size_t after = resident_bytes();
  rule_.trimmed(after, sessions);
  log::debug("heap trimmed", {{"bytes_before", before},
                              {"bytes_after", after},
                              {"sessions", sessions},
                              {"took_us", net::Loop::now_us() - start_us}});
}

}  // namespace postern

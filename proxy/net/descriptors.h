// How the descriptors of the process are shared: what clients and servers may use, and what stays
// free for the admin endpoint, the resolver, a reload and an upgrade even while clients have taken
// all of theirs. Any thread.
#pragma once

#include <cstddef>

namespace postern::net {

// Two thirds for the connections of the admin endpoint; the rest for files, look-ups and an
// upgrade.
inline constexpr size_t kReservedDescriptors = 192;

// What is kept of `limit` descriptors: the reserve, or a quarter if that is less.
constexpr size_t descriptors_kept(size_t limit) {
  return limit / 4 < kReservedDescriptors ? limit / 4 : kReservedDescriptors;
}

// How many descriptors the process may open besides, by its limit of now. The kernel gives out the
// lowest number that is free, so a descriptor with this number or a higher one is of the reserve.
int descriptors_for_peers();
// How many of the reserve the admin endpoint may hold, by the limit of now.
size_t descriptors_for_admin();

// Whether no file can be opened now, for want of descriptors or of memory for them.
bool descriptors_are_short();

inline constexpr char kMoreDescriptors[] =
    "raise LimitNOFILE (ulimit -n) to 300 above twice limits.sessions, or lower that";

}  // namespace postern::net

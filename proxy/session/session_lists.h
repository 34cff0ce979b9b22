// SessionLists: the sessions of one worker, those of a state in the order in which they have come
// into it. When all places are taken, one that waits for its client alone gives way to a newcomer,
// else one of many logins of one address: strangers keep no other client out. Loop's thread only;
// owns no session.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "proxy/admission/refusal.h"
#include "proxy/base/bytes.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/config/config.h"
#include "proxy/net/network.h"

namespace postern {

class ClientSetup;
class Session;

// Those that have all of what is given.
struct SessionFilter {
  bool fits(const Session& session) const;
  std::optional<net::Network> client = {};
  std::string backend = {};  // its name in the configuration
  std::string server = {};   // likewise
};

struct SessionLists {
  // Of one listener, so that each finds its own however many wait at another one.
  struct Before {
    IntrusiveList<Session> waiting;     // for their clients: to log in, or to hang up
    IntrusiveList<Session> logging_in;  // their login is at the server
  };

  std::array<Before, kMaxListeners> before;
  IntrusiveList<Session> served;          // logged in
  IntrusiveList<Session> stopping;        // postern stops, and they know
  IntrusiveList<ClientSetup> handshakes;  // those among the waiting, the oldest first

  // How many logins an address has at the server, of those looked at, before one of them gives way
  // because none of all sessions waits for its client. An office has fewer at one moment.
  static constexpr size_t kLoginCrowd = 8;

  // What a session that waits must keep in memory to give way when memory is short, not places.
  static constexpr size_t kMuchKept = 4 * kKiB;

  // The session whose end makes room within `limit` for a newcomer at `listener`; null if no end
  // does.
  Session* who_gives_way(Refusal limit, size_t listener);
  // Takes out of its list the next session that must learn that postern stops, those that are
  // logging in last; null after the last.
  Session* pop_to_stop();
  // Has those that fit say their BYE as when postern stops. Returns how many; those that do so
  // already are not counted.
  size_t stop(const SessionFilter& which);
  // All but those that are stopping.
  template <typename Visit>
  void for_each(Visit&& visit) {
    served.for_each(visit);
    for (Before& of : before) {
      of.logging_in.for_each(visit);
      of.waiting.for_each(visit);
    }
  }
};

}  // namespace postern

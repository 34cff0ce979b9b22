// SessionLists: the sessions of one worker. Those that wait for their clients alone (to log in, or
// to hang up) stand in the order in which they began to wait. When all places are taken, the oldest
// gives way to a newcomer: silent clients keep no other client out. Loop's thread only; owns no
// session.
#pragma once

#include "proxy/base/intrusive_list.h"

namespace postern {

class ClientSetup;
class Session;

struct SessionLists {
  IntrusiveList<Session> waiting;         // for their clients
  IntrusiveList<Session> served;          // logged in, or their login is at the server
  IntrusiveList<Session> stopping;        // postern stops, and they know
  IntrusiveList<ClientSetup> handshakes;  // those of `waiting`, the oldest first
};

}  // namespace postern

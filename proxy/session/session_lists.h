// SessionLists: the sessions of one worker. Those for which nothing is under way but what their
// client must do (it has not logged in yet, or must only hang up) stand in the order in which they
// began to wait: when all places are taken, the oldest gives way to a newcomer, so that strangers
// who keep silent lock nobody out. Loop's thread only; owns no session.
#pragma once

#include <cstddef>

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

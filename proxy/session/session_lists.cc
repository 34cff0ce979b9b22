#include "proxy/session/session_lists.h"

#include <span>
#include <vector>

#include "proxy/admission/crowd.h"
#include "proxy/session/session.h"

namespace postern {

Session* SessionLists::who_gives_way(Refusal limit, size_t listener) {
  Crowd<Session> waiting;
  if (limit == Refusal::LimitMemory) {  // commands that never end, before a login
    for (Before& of : before) {
      waiting.look_at(of.waiting, [](const Session& one) { return one.kept() >= kMuchKept; });
    }
    return waiting.oldest_of_largest();
  }
  std::span<Before> rivals;
  if (limit == Refusal::LimitSessions || limit == Refusal::LimitDescriptors) {
    rivals = before;
  } else if (limit == Refusal::LimitListener) {
    rivals = std::span(before).subspan(listener, 1);
  }
  for (Before& of : rivals) {
    waiting.look_at(of.waiting);
  }
  if (Session* oldest = waiting.oldest_of_largest()) {
    return oldest;
  }
  Crowd<Session> logging_in;
  for (Before& of : rivals) {
    logging_in.look_at(of.logging_in);
  }
  return logging_in.oldest_of_largest(kLoginCrowd);
}

bool SessionFilter::fits(const Session& session) const {
  return (!client || client->contains(session.client())) &&
         (backend.empty() || backend == session.backend()) &&
         (server.empty() || server == session.server());
}

size_t SessionLists::stop(const SessionFilter& which) {
  std::vector<Session*> found;
  for_each([&](Session& session) {
    if (which.fits(session) && !session.is_draining() && !session.is_closing()) {
      found.push_back(&session);
    }
  });
  for (Session* session : found) {  // none is deleted before the turn ends
    session->drain();
  }
  return found.size();
}

Session* SessionLists::pop_to_stop() {
  Session* next = served.pop_front();
  for (size_t i = 0; next == nullptr && i < before.size(); ++i) {
    next = before[i].waiting.pop_front();
  }
  for (size_t i = 0; next == nullptr && i < before.size(); ++i) {
    next = before[i].logging_in.pop_front();
  }
  return next;
}

}  // namespace postern

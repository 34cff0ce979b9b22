#include "proxy/admission/handshake_queue.h"

#include "proxy/admission/client_table.h"

namespace postern {

bool HandshakeQueue::ask(Member& member, const net::Address& client) {
  loop_.defer(*this);
  if (turns_.empty() && taken_ < kBatch) {
    ++taken_;
    return true;
  }
  const uint64_t number = client_number(client);
  Client& of = clients_.try_emplace(number, number).first->second;
  of.members.push_back(member);
  if (!of.linked()) {
    turns_.push_back(of);
  }
  return false;
}

// The end of a turn. Those that are called now belong to the next turn.
void HandshakeQueue::run() {
  for (taken_ = 0; taken_ < kBatch; ++taken_) {
    Member* next = pop_next();
    if (next == nullptr) {
      break;
    }
    loop_.defer(*this);
    next->on_turn();
  }
}

HandshakeQueue::Member* HandshakeQueue::pop_next() {
  while (Client* first = turns_.pop_front()) {
    Member* member = first->members.pop_front();
    if (first->members.empty()) {  // the others may have left
      clients_.erase(clients_.find(first->number));
    } else {
      turns_.push_back(*first);
    }
    if (member != nullptr) {
      return member;
    }
  }
  return nullptr;
}

}  // namespace postern

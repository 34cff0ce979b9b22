// HandshakeQueue: whose handshake its loop computes next. A handshake costs more processor time
// than all that follows until the login, and a stranger who sends ClientHellos can ask for as many
// as he likes. So a turn of the loop computes a few, and when more clients ask, their addresses
// (IPv6 by its /64) take turns: who comes from few addresses waits for himself, and an honest
// client for one handshake of each of these. One loop's thread; owns no member.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "proxy/base/intrusive_list.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"

namespace postern {

class HandshakeQueue final : private net::Deferred {
 public:
  // How many handshakes a turn computes: half a millisecond with ECDSA, and other streams wait for
  // so long.
  static constexpr size_t kATurn = 4;

  // Leaves the queue when it goes, or by unlink().
  class Member : public ListNode<Member> {
   public:
    virtual void on_turn() = 0;

   protected:
    ~Member() = default;
  };

  // `loop` must outlive *this.
  explicit HandshakeQueue(net::Loop& loop) : loop_(loop) {}

  // True: compute now. False: `member` waits, and on_turn() is called from the loop.
  bool ask(Member& member, const net::Address& client);

 private:
  // Those of one address.
  struct Client : ListNode<Client> {
    explicit Client(uint64_t of) : number(of) {}
    const uint64_t number;
    IntrusiveList<Member> members;
  };

  Member* pop_next();
  void run() override;

  net::Loop& loop_;
  std::unordered_map<uint64_t, Client> clients_;
  IntrusiveList<Client> turns_;
  size_t computed_ = 0;  // in this turn
};

}  // namespace postern

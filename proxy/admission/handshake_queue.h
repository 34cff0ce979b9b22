// HandshakeQueue: whose flight of a handshake its loop takes next. A handshake costs more processor
// time than all that follows until the login, and a stranger can ask for any number of them. So the
// loop takes a batch of flights and then serves all other streams, and while more clients ask,
// their addresses (IPv6 by its /64) take turns: a flood from few addresses waits for itself, and an
// honest client for one flight of each of these addresses. One loop's thread; owns no member.
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
  // How many are taken between two ends of a turn. With one, a storm of honest clients costs 7 %
  // more processor time, and a hostile one delays the others little less.
  static constexpr size_t kBatch = 4;

  // Leaves the queue when it goes, or by unlink().
  class Member : public ListNode<Member> {
   public:
    virtual void on_turn() = 0;

   protected:
    ~Member() = default;
  };

  // `loop` must outlive *this.
  explicit HandshakeQueue(net::Loop& loop) : loop_(loop) {}

  // True: take it now. False: `member` waits, and on_turn() is called from the loop.
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
  size_t taken_ = 0;  // since the last end of a turn
};

}  // namespace postern

// Crowd: who gives way when all places are taken. Of those that have waited the longest, it is the
// oldest of the address (IPv6 by its /64) that has the most of them. So strangers who hold many
// places, or come and go in masses, push each other out, and no honest client that happens to need
// a moment longer. One worker's thread; owns nothing, and is for one decision.
//
// T has client() and since_us(), which decides between members of several queues that are equally
// far in front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/admission/client_table.h"
#include "proxy/base/intrusive_list.h"

namespace postern {

template <typename T>
class Crowd {
 public:
  // At how many of a queue it looks: a flood makes every newcomer pay for that.
  static constexpr size_t kLooks = 64;

  // `queue` has its oldest members first. Of these, only those count for which counts(const T&) is
  // true.
  template <typename Counts>
  void look_at(IntrusiveList<T>& queue, Counts&& counts) {
    T* member = queue.front();
    for (size_t looks = 0; member != nullptr && looks < kLooks; ++looks) {
      if (counts(std::as_const(*member))) {
        seen_.push_back({client_number(member->client()), {looks, member->since_us()}, member});
      }
      member = queue.next(*member);
    }
  }
  void look_at(IntrusiveList<T>& queue) {
    look_at(queue, [](const T&) { return true; });
  }

  // The oldest of the address with the most members, which are at least `at_least`; of several such
  // addresses, the oldest of all. Null if there is none.
  T* oldest_of_largest(size_t at_least = 1) {
    std::sort(seen_.begin(), seen_.end(), [](const Seen& a, const Seen& b) {
      return std::tie(a.address, a.age) < std::tie(b.address, b.age);
    });
    const Seen* chosen = nullptr;
    size_t most = std::max<size_t>(at_least, 1) - 1;
    for (auto first = seen_.begin(); first != seen_.end();) {
      const auto end = std::find_if(
          first, seen_.end(), [first](const Seen& one) { return one.address != first->address; });
      const auto count = static_cast<size_t>(end - first);
      if (count > most || (count == most && chosen != nullptr && first->age < chosen->age)) {
        chosen = &*first;
        most = count;
      }
      first = end;
    }
    return chosen != nullptr ? chosen->member : nullptr;
  }

 private:
  struct Seen {
    uint64_t address;
    std::pair<size_t, uint64_t> age;  // the place in its queue, since when
    T* member;
  };
  std::vector<Seen> seen_;
};

}  // namespace postern

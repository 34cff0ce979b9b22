// ClientTable remembers very many clients in bounded memory, by a keyed hash of their address, so
// that no client can aim at another's record. Any thread: the table is split into shards with a
// lock each. It grows with use up to its limit; a full bucket evicts the record of lowest rank.
//
// A Record has `uint64_t key` (0: unused), `bool expired(now)` (it no longer says anything) and
// `eviction_rank()` (the lowest is evicted first). `Beside` is what changes together with the
// records of a key: one for each shard, under the same lock.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/siphash.h"
#include "proxy/net/address.h"

namespace postern {

// A key from the system's random numbers.
SipHash::Key random_key();

// An IPv4 address, or the /64 of an IPv6 one, as a number: a person with IPv6 has at least a /64.
uint64_t client_number(const net::Address& client);

template <typename Record, typename Beside = std::monostate>
class ClientTable {
 public:
  static constexpr size_t kShards = 64;
  static constexpr size_t kWays = 16;

  // Holds at most `records`, rounded down to what the shards divide evenly.
  explicit ClientTable(size_t records)
      : most_buckets_(std::max<size_t>(records / kShards / kWays, 1)) {}
  ClientTable(const ClientTable&) = delete;
  ClientTable& operator=(const ClientTable&) = delete;

  // Calls `use` with the key's record, made if there is none, and the shard's Beside if `use` takes
  // it.
  template <typename Use>
  auto update(uint64_t key, uint64_t now, Use&& use) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if constexpr (std::is_invocable_v<Use, Record&, Beside&>) {
      return std::forward<Use>(use)(take(shard, key, now), shard.beside);
    } else {
      return std::forward<Use>(use)(take(shard, key, now));
    }
  }
  // Calls `use` with the key's record if there is one.
  template <typename Use>
  void find(uint64_t key, Use&& use) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (!shard.buckets.empty()) {
      if (Record* record = find(bucket_of(shard, key), key)) {
        std::forward<Use>(use)(*record);
      }
    }
  }

  // Calls `use` with the key's record, null if there is none, and the shard's Beside.
  template <typename Use>
  auto beside(uint64_t key, Use&& use) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    Record* known = shard.buckets.empty() ? nullptr : find(bucket_of(shard, key), key);
    return std::forward<Use>(use)(known, shard.beside);
  }

  // Drops the expired records and returns how many are left. It visits every record: call it
  // rarely.
  size_t sweep(uint64_t now) {
    size_t living = 0;
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      const size_t before = living;
      for (Bucket& bucket : shard.buckets) {
        for (Record& record : bucket) {
          if (record.key != 0 && record.expired(now)) {
            record = Record();
          }
          living += record.key != 0 ? 1 : 0;
        }
      }
      if (living == before) {
        std::vector<Bucket>().swap(shard.buckets);
      }
    }
    return living;
  }

  size_t bytes() const {
    size_t buckets = 0;
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      buckets += shard.buckets.capacity();
    }
    return buckets * sizeof(Bucket);
  }

 private:
  using Bucket = std::array<Record, kWays>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::vector<Bucket> buckets;
    [[no_unique_address]] Beside beside;
  };

  Shard& shard_of(uint64_t key) { return shards_[key >> 58]; }
  static Bucket& bucket_of(Shard& shard, uint64_t key) {
    return shard.buckets[((key & UINT32_MAX) * shard.buckets.size()) >> 32];
  }
  static Record* find(Bucket& bucket, uint64_t key) {
    const auto found = std::find_if(bucket.begin(), bucket.end(),
                                    [key](const Record& record) { return record.key == key; });
    return found == bucket.end() ? nullptr : &*found;
  }
  static Record* find_room(Bucket& bucket, uint64_t now) {
    const auto found = std::find_if(bucket.begin(), bucket.end(), [now](const Record& record) {
      return record.key == 0 || record.expired(now);
    });
    return found == bucket.end() ? nullptr : &*found;
  }

  Record& take(Shard& shard, uint64_t key, uint64_t now) {
    if (shard.buckets.empty()) {
      shard.buckets.resize(1);
    }
    if (Record* known = find(bucket_of(shard, key), key)) {
      return *known;
    }
    Record* room = find_room(bucket_of(shard, key), now);
    while (room == nullptr && shard.buckets.size() < most_buckets_) {
      grow(shard, now);
      room = find_room(bucket_of(shard, key), now);
    }
    if (room == nullptr) {
      Bucket& bucket = bucket_of(shard, key);
      room = &*std::min_element(bucket.begin(), bucket.end(), [](const Record& a, const Record& b) {
        return a.eviction_rank() < b.eviction_rank();
      });
    }
    *room = Record();
    room->key = key;
    return *room;
  }

  void grow(Shard& shard, uint64_t now) {
    std::vector<Bucket> former(std::min(2 * shard.buckets.size(), most_buckets_));
    former.swap(shard.buckets);
    for (const Bucket& bucket : former) {
      for (const Record& record : bucket) {
        if (record.key == 0 || record.expired(now)) {
          continue;
        }
        // If the last step is less than a doubling, a few records find no room and are dropped.
        if (Record* room = find_room(bucket_of(shard, record.key), now)) {
          *room = record;
        }
      }
    }
  }

  const size_t most_buckets_;
  std::array<Shard, kShards> shards_;
};

}  // namespace postern

// LookupCache: what the service has said about users, those whom it does not know included, for as
// long as the configuration allows. Both are kept alike, so that the time of an answer does not
// show which names exist. A tree, for strangers choose the names: they could make those of a hash
// table collide. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace postern {

class LookupCache {
 public:
  using Backend = std::optional<size_t>;  // nullopt: the service does not know the user

  // Beyond that the oldest ones go.
  static constexpr size_t kMaxNames = 50'000;

  explicit LookupCache(uint64_t ttl_ms) : ttl_ms_(ttl_ms) {}

  // Null: nothing is known, or no longer. Valid until the next call.
  const Backend* find(const std::string& name, uint64_t now_ms) const;
  void store(const std::string& name, Backend backend, uint64_t now_ms);
  size_t size() const { return names_.size(); }

 private:
  struct Entry {
    Backend backend;
    uint64_t until_ms;
  };
  using Names = std::map<std::string, Entry>;

  void make_room(uint64_t now_ms);

  const uint64_t ttl_ms_;
  Names names_;
  std::deque<Names::iterator> oldest_first_;  // all have the same time to live
};

}  // namespace postern

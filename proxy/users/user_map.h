// UserMap: which backend each of a million users has, from a file of lines "user backend". All
// names stand in one block of text, and a table of their places in it finds them: some 40 bytes a
// user. Immutable once it is made; any thread.
//
//   # a comment; empty lines count for nothing
//   anna@example.org  new  # so is this
//   bert              old
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace postern {

class UserMap {
 public:
  static constexpr size_t kMaxUsers = 10'000'000;
  static constexpr size_t kMaxLine = 1024;
  static constexpr size_t kMaxFaults = 10;  // of a file, that are named

  // Each user by its user_name() with this default domain. `backends` are the names that the file
  // may use, at most 256. All faults at once, each with its line: "users.map:7".
  static Result<std::shared_ptr<const UserMap>> load(const std::string& path,
                                                     std::string_view default_domain,
                                                     const std::vector<std::string>& backends);
  // The same from the text of a file that faults call `name`.
  static Result<std::shared_ptr<const UserMap>> parse(std::string_view text, std::string name,
                                                      std::string_view default_domain,
                                                      const std::vector<std::string>& backends);

  // The place of its backend among those names. `name` is a user_name().
  std::optional<size_t> find(std::string_view name) const;
  size_t size() const { return users_; }

 private:
  class Builder;

  // False if it is there already.
  bool add(std::string_view name, size_t backend);
  std::string_view name_at(uint32_t place) const;
  size_t slot_of(std::string_view name) const;
  void grow();

  std::string text_;             // for each user: length, backend, name
  std::vector<uint32_t> table_;  // places in text_ beyond the first octet; 0: free
  size_t users_ = 0;
};

}  // namespace postern

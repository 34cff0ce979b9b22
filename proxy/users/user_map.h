// UserMap: which backend each of a million users has, from a file of lines "user backend". All
// names stand in one block of text, and a table of their places in it finds them: some 40 bytes a
// user. Immutable once it is made; any thread.
//
//   # a comment; empty lines count for nothing, nor does a byte order mark
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

  // In place of a backend: the user comes to none, as while the mail is copied.
  static constexpr const char* kHeld = "unavailable";

  // Each user by its user_name() with this default domain. `backends` are the names that the file
  // may use beside kHeld, at most 255. All faults at once, each with its line: "users.map:7".
  static Result<std::shared_ptr<const UserMap>> load(const std::string& path,
                                                     std::string_view default_domain,
                                                     const std::vector<std::string>& backends);
  // The same from the text of a file that faults call `name`.
  static Result<std::shared_ptr<const UserMap>> parse(std::string_view text, std::string name,
                                                      std::string_view default_domain,
                                                      const std::vector<std::string>& backends);

  // The place of its backend among those names; their number if it is held. `name` is a
  // user_name().
  std::optional<size_t> find(std::string_view name) const;
  size_t size() const { return users_; }
  size_t held() const { return held_; }
  // Some names have a domain and some have none: without a default one these are different users.
  bool mixes_names() const { return bare_ > 0 && bare_ < users_; }

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
  size_t bare_ = 0;  // of them have no domain
  size_t held_ = 0;
};

}  // namespace postern

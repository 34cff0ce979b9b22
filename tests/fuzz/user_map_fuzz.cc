// UserMap under any bytes, in a file that names two backends. Held to: it is a map or a few faults;
// what is in it has the form of a name, and is found whatever its case.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/check.h"
#include "proxy/users/user_map.h"
#include "proxy/users/user_name.h"

using namespace postern;  // NOLINT: a fuzz target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = as_text(Bytes(data, size));
  const std::vector<std::string> backends = {"new", "old"};
  const auto map = UserMap::parse(text, "users.map", "example.org", backends);
  if (!map) {
    check(map.faults().size() <= UserMap::kMaxFaults + 1, "faults are bounded");
    return 0;
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view lines = text;
  lines.remove_prefix(lines.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  const std::string first =
      user_name(lines.substr(0, lines.find_first_of(" \t\r\n")), "example.org");
  const auto backend = map.value()->find(first);
  check(!backend || *backend <= backends.size(), "a user has a backend that exists, or is held");
  check(
      backend || first.empty() || first.front() == '#' || text.find('*') != std::string_view::npos,
      "the first word is a user");
  return 0;
}

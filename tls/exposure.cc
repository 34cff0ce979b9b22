#include "tls/exposure.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>

namespace postern::tls {

// By the file's own mode, as ssh does it: a folder that is closed today may be copied or opened
// tomorrow.
std::string describe_exposure(const std::string& path) {
  struct stat status {};
  constexpr mode_t kAll = 07777;
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IROTH | S_IWOTH)) == 0) {
    return "";
  }
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & kAll));
  const bool readable = (status.st_mode & S_IROTH) != 0;
  return std::string(" can be ") + (readable ? "read" : "changed") +
         " by every user of this machine (mode " + mode.data() + "); close it: `chmod o= " + path +
         "`";
}

}  // namespace postern::tls

// LogFile: the file that takes the place of standard error (`log.file`), for systems without a
// service manager that keeps the log. logrotate renames it and sends SIGUSR1, and the log goes on
// in a new one under the old name. Descriptor 2 is exchanged as a whole, so writers of any thread
// need no lock and lose no line. Main thread only.
#pragma once

#include <string>
#include <utility>

#include "proxy/base/result.h"

namespace postern::log {

class LogFile {
 public:
  LogFile() = default;  // standard error, as the process has got it
  LogFile(LogFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  LogFile& operator=(LogFile&& other) noexcept;
  ~LogFile();

  // Opens it to append, and makes it (mode 0640) if it is not there. "" is standard error.
  static Result<LogFile> open(const std::string& path);
  // Everything that is written to standard error from now on goes there.
  void use();
  // Opens it again by its name. The former one stays if that fails; the log says which.
  void reopen();

 private:
  std::string path_;
  int fd_ = -1;  // until it is in use
};

}  // namespace postern::log

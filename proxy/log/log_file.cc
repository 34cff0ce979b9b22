#include "proxy/log/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "proxy/log/log.h"

namespace postern::log {
namespace {

constexpr char kAdvice[] =
    "the user that postern runs as must be able to write it and to make files in its folder";

// What the process was started with; taken before descriptor 2 is another.
int standard_error() {
  static const int original = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  return original;
}

}  // namespace

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

LogFile::~LogFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<LogFile> LogFile::open(const std::string& path) {
  LogFile file;
  if (path.empty()) {
    return file;
  }
  constexpr mode_t kMode = 0640;
  // O_NONBLOCK: a FIFO without a reader is an error now, not a process that hangs.
  file.fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                    kMode);
  if (file.fd_ < 0) {
    return Fault{path, "log.file cannot be opened: " + std::generic_category().message(errno) +
                           "; " + kAdvice};
  }
  file.path_ = path;
  return file;
}

void LogFile::use() {
  const int original = standard_error();
  dup2(path_.empty() ? original : fd_, STDERR_FILENO);
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

void LogFile::reopen() {
  if (path_.empty()) {
    info("nothing to reopen, the log goes to standard error");
    return;
  }
  Result<LogFile> again = open(path_);
  if (!again) {
    warn("log file not reopened, the old one stays", {{"error", again.faults().front().text()}});
    return;
  }
  *this = std::move(again.value());
  use();
  info("log file reopened", {{"file", path_}});
}

}  // namespace postern::log

// Opens the files that are read at set-up.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "proxy/base/result.h"

namespace postern {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using OpenFile = std::unique_ptr<std::FILE, FileCloser>;

inline Fault cannot_read(const std::string& path, int error) {
  return {path, "cannot be read: " + std::generic_category().message(error)};
}

// For reading. A pipe is a fault: this thread would wait for its writer.
inline Result<OpenFile> open_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return cannot_read(path, errno);
  }
  OpenFile file(fdopen(fd, "rb"));
  if (file == nullptr) {
    const int error = errno;
    close(fd);
    return cannot_read(path, error);
  }
  struct stat is {};
  if (fstat(fd, &is) == 0 && S_ISFIFO(is.st_mode)) {
    return Fault{path, "cannot be read: it is a pipe, not a file"};
  }
  return file;
}

}  // namespace postern

// What is written to standard error while something is done.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern::test {

// Puts `fd` in the place of standard error for as long as it lives.
class StandardError {
 public:
  explicit StandardError(int fd) : saved_(dup(STDERR_FILENO)) { dup2(fd, STDERR_FILENO); }
  ~StandardError() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;

 private:
  int saved_;
};

// What `write` logs, as lines. Each test uses events of its own, as limits are by event.
template <typename Write>
std::vector<std::string> logged(Write write) {
  std::FILE* const file = std::tmpfile();
  {
    const StandardError redirected(fileno(file));
    write();
  }
  std::string text(static_cast<size_t>(lseek(fileno(file), 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fileno(file), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  std::fclose(file);
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

}  // namespace postern::test

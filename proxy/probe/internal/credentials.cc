#include "proxy/probe/internal/credentials.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace postern::probe {
namespace {

constexpr char kTerminal[] = "/dev/tty";

class Descriptor {
 public:
  Descriptor(const char* path, int flags) : fd_(open(path, flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// What is typed is not shown while this lives.
class Unseen {
 public:
  explicit Unseen(int terminal) : terminal_(terminal) {
    changed_ = tcgetattr(terminal_, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    changed_ = changed_ && tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
  }
  ~Unseen() {
    if (changed_) {
      tcsetattr(terminal_, TCSAFLUSH, &before_);
    }
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  const int terminal_;
  termios before_{};
  bool changed_ = false;
};

std::string reason(int number) {
  return std::generic_category().message(number);
}

// Octet by octet, so that no copy of it stays in a buffer.
Result<std::string> read_line(int fd, const std::string& where) {
  std::string line;
  line.reserve(Credentials::kMaxPassword);
  char octet = 0;
  ssize_t got = 0;
  while ((got = ::read(fd, &octet, 1)) == 1 && octet != '\n') {
    if (line.size() == Credentials::kMaxPassword) {
      wipe(line);
      return Fault{where, "the password is longer than 4096 octets"};
    }
    line.push_back(octet);
  }
  octet = 0;
  if (got < 0) {
    wipe(line);
    return Fault{where, reason(errno)};
  }
  if (!line.empty() && line.back() == '\r') {
    line.pop_back();
  }
  if (line.empty() || line.find('\0') != std::string::npos) {
    wipe(line);
    return Fault{where, "there is no password: it is the first line, and has no NUL"};
  }
  return line;
}

Result<std::string> ask(const std::string& user) {
  const Descriptor terminal(kTerminal, O_RDWR | O_NOCTTY);
  if (terminal.get() < 0) {
    return Fault{"", "there is no terminal to ask for the password: name a --password-file"};
  }
  const Unseen unseen(terminal.get());
  const std::string prompt = "Password of " + user + ": ";
  if (write(terminal.get(), prompt.data(), prompt.size()) < 0) {
    return Fault{kTerminal, reason(errno)};
  }
  return read_line(terminal.get(), kTerminal);
}

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(path.c_str(), O_RDONLY);
  return file.get() < 0 ? Result<std::string>(Fault{path, reason(errno)})
                        : read_line(file.get(), path);
}

}  // namespace

Result<std::shared_ptr<const Credentials>> Credentials::read(std::string user,
                                                             const std::string& password_file) {
  auto password = password_file.empty() ? ask(user) : read_file(password_file);
  if (!password) {
    return password.faults();
  }
  auto made = std::make_shared<const Credentials>(std::move(user), password.value());
  wipe(password.value());
  return made;
}

}  // namespace postern::probe

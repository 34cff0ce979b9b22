#include "proxy/process/inherited_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "proxy/net/listener.h"
#include "proxy/process/environment.h"

namespace postern {
namespace {

constexpr int kMostSockets = 65'536;

// A whole non-negative number; -1 for anything else.
int number_in(std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 ? number : -1;
}

std::vector<std::string> split_at_colons(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The pipe to the postern that has started this process; -1 if none has.
int predecessor_from(const std::string& word) {
  const std::vector<std::string> parts = split_at_colons(word);
  if (parts.size() != 2 || number_in(parts[0]) != getppid()) {
    return -1;
  }
  const int fd = number_in(parts[1]);
  return fd >= kFirstInherited && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

}  // namespace

std::string socket_name(std::string_view listener) {
  std::string name(listener);
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

Result<InheritedSockets> InheritedSockets::from_environment(int first) {
  InheritedSockets inherited;
  inherited.predecessor_ = predecessor_from(environment(kPredecessor));
  const bool meant_for_us =
      inherited.has_predecessor() || number_in(environment(kListenPid)) == getpid();
  const int count = meant_for_us ? number_in(environment(kListenFds)) : 0;
  const std::vector<std::string> names = split_at_colons(environment(kListenNames));
  for (const char* name : {kListenFds, kListenPid, kListenNames, kPredecessor}) {
    unsetenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  }
  if (count > kMostSockets) {
    return Fault{kListenFds, "is more than any service manager hands over"};
  }
  Faults faults;
  for (int i = 0; i < count; ++i) {
    const int fd = first + i;
    if (!net::is_listening_tcp(fd)) {
      faults.push_back({kListenFds, "descriptor " + std::to_string(fd) +
                                        " is no listening TCP socket; the unit of a socket needs "
                                        "ListenStream= with an IP address, and Accept=no"});
      continue;
    }
    const auto index = static_cast<size_t>(i);
    inherited.sockets_.push_back(
        {fd, index < names.size() ? names[index] : "", net::bound_address(fd)});
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  if (!faults.empty()) {
    return faults;
  }
  return inherited;
}

InheritedSockets::InheritedSockets(InheritedSockets&& other) noexcept {
  *this = std::move(other);
}

InheritedSockets& InheritedSockets::operator=(InheritedSockets&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  std::swap(predecessor_, other.predecessor_);
  return *this;
}

void InheritedSockets::close_left() {
  for (const Socket& socket : sockets_) {
    close(socket.fd);
  }
  sockets_.clear();
}

InheritedSockets::~InheritedSockets() {
  close_left();
  if (predecessor_ >= 0) {
    close(predecessor_);
  }
}

// Port 0 names no port, so the socket's name decides; of several with that name, the first address.
std::vector<int> InheritedSockets::take(const net::Address& wanted, const std::string& name) {
  net::Address address;
  for (const Socket& socket : sockets_) {
    const bool fits = wanted.port() != 0 ? socket.address == wanted
                                         : socket.name == name && socket.address.same_ip(wanted);
    if (fits) {
      address = socket.address;
      break;
    }
  }
  std::vector<int> taken;
  std::vector<uint64_t> cookies;
  std::vector<Socket> left;
  for (Socket& socket : sockets_) {
    if (!address.valid() || !(socket.address == address)) {
      left.push_back(std::move(socket));
      continue;
    }
    // A second descriptor of the same socket would make nothing faster.
    const uint64_t cookie = net::socket_cookie(socket.fd);
    if (std::find(cookies.begin(), cookies.end(), cookie) != cookies.end()) {
      close(socket.fd);
      continue;
    }
    cookies.push_back(cookie);
    taken.push_back(socket.fd);
  }
  sockets_ = std::move(left);
  return taken;
}

void InheritedSockets::release_predecessor() {
  const int fd = std::exchange(predecessor_, -1);
  if (fd < 0) {
    return;
  }
  constexpr char kServing = 'R';
  [[maybe_unused]] const ssize_t written = write(fd, &kServing, 1);  // fails if it is gone
  close(fd);
}

}  // namespace postern

// A minimal, fast IMAP server for the bench: it knows nothing of mail and costs next to nothing, so
// that what is measured is the gateway in front of it. One thread, epoll, plain TCP.
//
//   bench_backend [PORT]    prints the port it listens on, and below it the one on which it reports
//                           nginx mail that everybody may log in there; serves until it is killed
//
// LOGIN, NOOP, LOGOUT, IDLE are answered, a LOGIN with the password `wrong` by NO; FETCH n sends a
// literal of n bytes; APPEND takes its literal and counts it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kGreeting =
    "* OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE STARTTLS AUTH=PLAIN] bench ready\r\n";
constexpr size_t kBlock = 256 * 1024;

struct Client {
  int fd = -1;
  std::string line;           // an unfinished command
  std::string out;            // what the kernel would not take
  uint64_t literal_out = 0;   // bytes of a FETCH literal still to send
  std::string after_literal;  // what follows it
  uint64_t literal_in = 0;    // bytes of an APPEND literal still to come
  std::string append_tag;
  std::string login_tag;  // of a LOGIN whose name and password come as literals
  bool web = false;       // nginx asks by HTTP whether somebody may log in
  bool closing = false;
  bool wants_write = false;
};

class Backend {
 public:
  explicit Backend(uint16_t port);
  void serve();

 private:
  int listen_on(uint16_t port);
  void accept_all(int listener);
  void readable(Client& client);
  void take(Client& client, std::string_view bytes);
  void command(Client& client, std::string_view line);
  void log_in(Client& client, std::string_view line);
  void permit(Client& client, std::string_view line);
  bool flush(Client& client);  // false: everything is sent
  void settle(Client& client);
  void drop(Client& client);

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int imap_;
  int web_;
  std::vector<char> block_ = std::vector<char>(kBlock, 'x');
  std::vector<char> in_ = std::vector<char>(kBlock);
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

Backend::Backend(uint16_t port) : imap_(listen_on(port)), web_(listen_on(0)) {}

int Backend::listen_on(uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    die("bench_backend: cannot listen");
  }
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener, &event);
  std::printf("%u\n", unsigned{port_of(listener)});
  std::fflush(stdout);
  return listener;
}

void Backend::serve() {
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[static_cast<size_t>(i)].data.ptr);
      if (client == nullptr) {
        accept_all(imap_);
        accept_all(web_);
      } else if ((events[static_cast<size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        readable(*client);
      } else {
        settle(*client);
      }
    }
  }
}

void Backend::accept_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      return;
    }
    auto* client = new Client;
    client->fd = fd;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = client}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    client->web = listener == web_;
    client->out = client->web ? std::string_view{} : kGreeting;
    settle(*client);
  }
}

void Backend::readable(Client& client) {
  const ssize_t count = read(client.fd, in_.data(), in_.size());
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
    drop(client);
    return;
  }
  if (count > 0) {
    take(client, {in_.data(), static_cast<size_t>(count)});
    settle(client);
  }
}

void Backend::take(Client& client, std::string_view bytes) {
  while (!bytes.empty()) {
    if (client.literal_in > 0) {
      const size_t part = std::min<uint64_t>(client.literal_in, bytes.size());
      client.literal_in -= part;
      bytes.remove_prefix(part);
      continue;
    }
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      client.line.append(bytes);
      return;
    }
    client.line.append(bytes.substr(0, end + 1));
    bytes.remove_prefix(end + 1);
    const std::string line = std::move(client.line);
    client.line.clear();
    command(client, line);
  }
}

// The number in a trailing {n} or {n+}, or the last word.
uint64_t number_in(std::string_view text) {
  const size_t digits = text.find_last_not_of("+}\r\n");
  const size_t start = text.find_last_not_of("0123456789", digits);
  uint64_t number = 0;
  std::from_chars(text.data() + start + 1, text.data() + digits + 1, number);
  return number;
}

// nginx mail sends name and password as literals, each when it is asked for.
void Backend::log_in(Client& client, std::string_view line) {
  if (line.ends_with("}\r\n")) {
    client.out += "+ go on\r\n";
  } else {
    client.out += client.login_tag + " OK done\r\n";
    client.login_tag.clear();
  }
}

void Backend::permit(Client& client, std::string_view line) {
  if (line == "\r\n") {
    client.out += "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: " +
                  std::to_string(port_of(imap_)) + "\r\n\r\n";
    client.closing = true;
  }
}

void Backend::command(Client& client, std::string_view line) {
  if (client.web) {
    permit(client, line);
    return;
  }
  if (!client.login_tag.empty()) {
    log_in(client, line);
    return;
  }
  if (!client.append_tag.empty() || line == "\r\n") {  // the CRLF after an APPEND's literal
    client.out += client.append_tag.empty() ? "" : client.append_tag + " OK appended\r\n";
    client.append_tag.clear();
    return;
  }
  const size_t space = line.find(' ');
  const std::string tag(line.substr(0, space));
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  if (rest.starts_with("FETCH")) {
    client.literal_out = number_in(rest);
    client.out += "* 1 FETCH (BODY[] {" + std::to_string(client.literal_out) + "}\r\n";
    client.after_literal = ")\r\n" + tag + " OK fetched\r\n";
  } else if (rest.starts_with("APPEND")) {
    client.literal_in = number_in(rest);
    client.append_tag = tag;
    client.out += rest.ends_with("+}\r\n") ? "" : "+ go on\r\n";
  } else if (rest.starts_with("IDLE")) {
    client.out += "+ idling\r\n";
  } else if (rest.starts_with("LOGOUT")) {
    client.out += "* BYE bench\r\n" + tag + " OK bye\r\n";
    client.closing = true;
  } else if (rest.starts_with("LOGIN {")) {
    client.login_tag = tag;
    log_in(client, line);
  } else if (rest.starts_with("LOGIN") && rest.ends_with(" wrong\r\n")) {
    client.out += tag + " NO [AUTHENTICATIONFAILED] wrong password\r\n";
  } else {
    client.out += tag + " OK done\r\n";
  }
}

bool Backend::flush(Client& client) {
  for (;;) {
    std::string_view next = client.out;
    const bool literal = next.empty() && client.literal_out > 0;
    if (literal) {
      next = {block_.data(), std::min<uint64_t>(kBlock, client.literal_out)};
    } else if (next.empty() && !client.after_literal.empty()) {
      client.out = std::move(client.after_literal);
      client.after_literal.clear();
      continue;
    }
    if (next.empty()) {
      return false;
    }
    const ssize_t sent = send(client.fd, next.data(), next.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return true;
    }
    if (literal) {
      client.literal_out -= static_cast<uint64_t>(sent);
    } else {
      client.out.erase(0, static_cast<size_t>(sent));
    }
  }
}

void Backend::settle(Client& client) {
  const bool blocked = flush(client);
  if (!blocked && client.closing) {
    drop(client);
    return;
  }
  if (blocked != client.wants_write) {
    client.wants_write = blocked;
    epoll_event event{.events = EPOLLIN | (blocked ? uint32_t{EPOLLOUT} : 0u),
                      .data = {.ptr = &client}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
  }
}

void Backend::drop(Client& client) {
  close(client.fd);
  delete &client;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Backend backend(argc > 1 ? static_cast<uint16_t>(std::atoi(argv[1])) : uint16_t{0});
  backend.serve();
}

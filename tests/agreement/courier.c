/* Preloaded into Courier's programs, two of which start for each connection: most of a busy test's
 * time.
 *
 * imaplogin, in couriertcpd's place, and imapd are linked and loaded once, wait before their main()
 * and fork for each connection. QUICK_LISTEN is the address where imaplogin accepts; QUICK_SOCKET
 * the local one where it hands its connection to imapd instead of executing it. Nobody waits five
 * seconds after a wrong password, and no daemon watches folders. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FDS = 4, ENVIRONMENT = 1 << 16 };  // stdin, stdout, stderr, the working directory

extern char** environ;

static int must(int result, const char* what) {
  if (result < 0) {
    perror(what);
    _exit(1);
  }
  return result;
}

static struct sockaddr_un local_address(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

/* Returns in the child, with its connection. */
static int fork_for_each(int listener) {
  must(listen(listener, 1024), "listen");
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (fork() == 0) {
      signal(SIGCHLD, SIG_DFL);
      close(listener);
      return connection;
    }
    close(connection);
  }
}

static void serve_logins(const char* where) {
  char host[64], port[8];
  sscanf(where, "%63[^:]:%7s", host, port);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, host, &address.sin_addr);
  int listener = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  must(bind(listener, (struct sockaddr*)&address, sizeof address), "bind");
  int connection = fork_for_each(listener);
  socklen_t size = sizeof address;
  must(getpeername(connection, (struct sockaddr*)&address, &size), "getpeername");
  snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
  setenv("TCPREMOTEIP", inet_ntoa(address.sin_addr), 1);
  setenv("TCPREMOTEPORT", port, 1);
  setenv("TCPLOCALIP", host, 1);
  setenv("TCPLOCALPORT", "143", 1);
  dup2(connection, 0);
  dup2(connection, 1);
  close(connection);
}

static char* read_environment(int from, size_t size) {
  char* strings = calloc(1, ENVIRONMENT + 1);
  for (size_t at = 0; at < size;) {
    ssize_t count = read(from, strings + at, size - at);
    if (count <= 0) _exit(1);
    at += (size_t)count;
  }
  return strings;
}

/* The user, the working directory, the environment and the connection of the imaplogin that calls.
 */
static void become(int from) {
  struct ucred who;
  socklen_t length = sizeof who;
  must(getsockopt(from, SOL_SOCKET, SO_PEERCRED, &who, &length), "SO_PEERCRED");
  size_t size = 0;
  union {
    char octets[CMSG_SPACE(FDS * sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec vector = {&size, sizeof size};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != sizeof size || size > ENVIRONMENT) _exit(1);
  int fds[FDS];
  memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fds);
  char* strings = read_environment(from, size);
  clearenv();
  for (char* at = strings; at < strings + size; at += strlen(at) + 1) putenv(at);
  must(fchdir(fds[3]), "fchdir");
  for (int fd = 0; fd < 3; ++fd) dup2(fds[fd], fd);
  for (int at = 0; at < FDS; ++at) close(fds[at]);
  close(from);
  must(setgroups(1, &who.gid), "setgroups");
  must(setgid(who.gid), "setgid");
  must(setuid(who.uid), "setuid");
}

static void serve_mail(const char* path) {
  int listener = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  struct sockaddr_un address = local_address(path);
  umask(0);
  must(bind(listener, (struct sockaddr*)&address, sizeof address), "bind");
  umask(022);
  become(fork_for_each(listener));
}

__attribute__((constructor)) static void begin(int argc, char** argv) {
  const char* name = argc > 0 ? strrchr(argv[0], '/') : NULL;
  const char* where = getenv("QUICK_LISTEN");
  const char* path = getenv("QUICK_SOCKET");
  if (name != NULL && where != NULL && strcmp(name, "/imaplogin") == 0) {
    unsetenv("QUICK_LISTEN");
    serve_logins(where);
  } else if (name != NULL && path != NULL && strcmp(name, "/imapd") == 0) {
    unsetenv("QUICK_SOCKET");
    serve_mail(path);
  }
}

static int hand_over(const char* path) {
  static char strings[ENVIRONMENT];
  size_t size = 0;
  for (char** at = environ; *at != NULL; ++at) {
    size_t length = strlen(*at) + 1;
    if (size + length > sizeof strings) return -1;
    memcpy(strings + size, *at, length);
    size += length;
  }
  int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = local_address(path);
  if (connect(to, (struct sockaddr*)&address, sizeof address) < 0) return -1;
  int fds[FDS] = {0, 1, 2, open(".", O_PATH | O_CLOEXEC)};
  union {
    char octets[CMSG_SPACE(sizeof fds)];
    struct cmsghdr align;
  } control;
  struct iovec vector = {&size, sizeof size};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
  memcpy(CMSG_DATA(head), fds, sizeof fds);
  if (sendmsg(to, &message, MSG_NOSIGNAL) < 0 ||
      send(to, strings, size, MSG_NOSIGNAL) != (ssize_t)size)
    return -1;
  return 0;
}

/* imaplogin's way to start imapd, with one argument. */
int execl(const char* program, const char* name, ...) {
  const char* path = getenv("QUICK_SOCKET");
  if (path != NULL && hand_over(path) == 0) _exit(0);
  unsetenv("QUICK_SOCKET");
  return execv(program, (char*[]){(char*)name, "Maildir", NULL});
}

unsigned sleep(unsigned seconds) {
  (void)seconds;
  return 0;
}

/* Courier would start the daemon at a login, which closes all possible descriptors first. It asks
 * the folders by itself, too. */
int FAMOpen(int* connection) {
  *connection = must(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  return 0;
}

int FAMClose(int* connection) {
  return close(*connection);
}

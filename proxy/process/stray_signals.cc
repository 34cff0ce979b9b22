#include "proxy/process/stray_signals.h"

#include <csignal>
#include <initializer_list>

namespace postern {
namespace {

// The default of each is to end the process (signal(7)).
constexpr int kIgnored[] = {SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT};

sigset_t answered() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, number);
  }
  return set;
}

}  // namespace

void hold_signals() {
  const sigset_t set = answered();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  for (const int number : kIgnored) {
    std::signal(number, SIG_IGN);
  }
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
    std::signal(number, SIG_IGN);
  }
}

void release_signals() {
  const sigset_t set = answered();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace postern

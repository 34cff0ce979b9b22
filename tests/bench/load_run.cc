// The bench's load generator: IMAP clients over TLS, one thread, epoll, BoringSSL. It prints one
// JSON object: what was done, in how long, and latencies; what the gateway used for it is measured
// from outside.
//
//   bench_load MODE PORT [key=value …]
//     handshake   connect, handshake, greeting, close_notify, close      resume=1: with tickets
//     login       connect, handshake, greeting, LOGIN, LOGOUT, close
//     fetch       logged in, FETCH of size= bytes again and again
//     append      logged in, one endless literal
//     append_pieces  logged in, APPEND of 310 octets again and again: literal and CRLF in two
//     writes, with Nagle's
//                 algorithm, as imaplib and c-client send them
//     noop        logged in, NOOP and its answer; rate=N per second: open loop
//     idle        logged in, IDLE; prints "settled", waits for the end of standard input;
//                 size=N: each fetches that much first
//   connections=32 seconds=2 tls=1.3|1.2 rate=0 size=67108864 cipher=NAME
//   groups=X25519:P-256: what is offered; group=NAME: every handshake must have come to that one
//   from=ADDRESS: its own address; patient=1: goes on however many connections fail
//   timeline=1: the figures of each second, too
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "tests/bench/load.h"

namespace postern::bench {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(1);
}

// ---- the run

// Open loop: the clock runs once every connection is ready for its first unit, so that what it took
// to open and log them in is in no unit's latency.
void Load::start_clock() {
  if (free_.size() == connections_.size()) {
    clock_runs_ = true;
    end_ += Clock::now() - begin_;
    begin_ = next_due_ = Clock::now();
  }
}

// What is due is started on a free connection; latency counts from when it was due.
void Load::start_due() {
  const double rate = options_.number("rate");
  const auto gap = std::chrono::nanoseconds(static_cast<int64_t>(1e9 / rate));
  const auto now = Clock::now();
  while (next_due_ <= now && !free_.empty()) {
    Connection& c = connections_[free_.back()];
    free_.pop_back();
    if (one_shot()) {
      open(c);
      c.started = next_due_;
    } else {
      c.started = next_due_;
      begin_unit(c);
    }
    next_due_ += gap;
  }
}

// Until something happens or the next unit is due. It must sleep, and to the microsecond: the
// backend has the same core.
int Load::wait(std::span<epoll_event> events) {
  auto time = std::chrono::nanoseconds(std::chrono::milliseconds(100));
  if (clock_runs_ && !free_.empty()) {
    time = std::clamp(std::chrono::nanoseconds(next_due_ - Clock::now()), {}, time);
  }
  const timespec timeout{.tv_sec = 0, .tv_nsec = time.count()};
  return epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
}

void Load::run() {
  prctl(PR_SET_TIMERSLACK, 1);
  SSL_CTX_set_ex_data(context_.get(), 0, this);
  const bool idle = options_.mode == "idle";
  const double rate = options_.number("rate");
  begin_ = Clock::now();
  end_ = begin_ + std::chrono::milliseconds(static_cast<int64_t>(options_.number("seconds") * 1e3));
  if (idle) {
    end_ = begin_ + std::chrono::hours(1);
  }
  for (size_t i = 0; i < connections_.size(); ++i) {
    connections_[i].slot = i;
    if (rate > 0 && one_shot()) {
      free_.push_back(i);
    } else if (!idle) {
      open(connections_[i]);
    }
  }
  size_t opened = 0;
  bool reported = false;
  std::array<epoll_event, 256> events{};
  epoll_event input{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (idle) {
    epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  }
  while (!over()) {
    // A hundred at a time, so that no listen queue overflows.
    while (idle && opened < connections_.size() && opened < settled_ + 100) {
      open(connections_[opened++]);
    }
    if (rate > 0 && !clock_runs_) {
      start_clock();
    }
    if (clock_runs_) {
      start_due();
    }
    const int count = wait(events);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
      if (connection == nullptr) {
        return;  // idle: standard input has ended
      }
      step(*connection);
    }
    if (idle && !reported && settled_ == connections_.size()) {
      reported = true;
      std::puts("settled");
      std::fflush(stdout);
    }
  }
  report(std::chrono::duration<double>(Clock::now() - begin_).count());
}

Second& Load::this_second() {
  const auto passed = std::chrono::floor<std::chrono::seconds>(Clock::now() - begin_);
  const auto index = static_cast<size_t>(std::max<int64_t>(passed.count(), 0));
  timeline_.resize(std::max(timeline_.size(), index + 1));
  return timeline_[index];
}

namespace {

uint32_t quantile(std::vector<uint32_t> values, double share) {
  if (values.empty()) {
    return 0;
  }
  const auto index = static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<size_t>(index)];
}

}  // namespace

void Load::report(double seconds) const {
  std::printf(
      "{\"units\": %llu, \"bytes\": %llu, \"errors\": %llu, \"resumed\": %llu, \"ecdsa\": %llu, "
      "\"seconds\": %.4f, \"p50_us\": %u, \"p99_us\": %u",
      static_cast<unsigned long long>(figures_.units),
      static_cast<unsigned long long>(figures_.bytes),
      static_cast<unsigned long long>(figures_.errors),
      static_cast<unsigned long long>(figures_.resumed),
      static_cast<unsigned long long>(figures_.ecdsa), seconds,
      quantile(figures_.latencies_us, 0.5), quantile(figures_.latencies_us, 0.99));
  if (options_.number("timeline") != 0) {
    report_timeline();
  }
  std::puts("}");
}

void Load::report_timeline() const {
  std::printf(", \"timeline\": [");
  for (size_t i = 0; i < timeline_.size(); ++i) {
    const Second& second = timeline_[i];
    std::printf("%s{\"units\": %zu, \"errors\": %llu, \"p99_us\": %u}", i == 0 ? "" : ", ",
                second.latencies_us.size(), static_cast<unsigned long long>(second.errors),
                quantile(second.latencies_us, 0.99));
  }
  std::printf("]");
}

Options parse(int argc, char** argv) {
  if (argc < 3) {
    die("usage: bench_load MODE PORT [key=value ...]");
  }
  Options options;
  options.mode = argv[1];
  options.port = static_cast<uint16_t>(std::atoi(argv[2]));
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    const auto known = options.values.find(word.substr(0, equals));
    if (equals == std::string::npos || known == options.values.end()) {
      die("unknown option " + word);
    }
    known->second = word.substr(equals + 1);
  }
  return options;
}

}  // namespace postern::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  postern::bench::Load(postern::bench::parse(argc, argv)).run();
}

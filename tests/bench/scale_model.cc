// What an idle session costs as there are more and more of them: bytes, and the time of an event.
// See model.h for what is real in it.
//
//   bench_scale_model [SESSIONS [LIMIT]]     1000000 sessions; about 5 GiB and some minutes
//
// Fails if a session at the end costs more than LIMIT bytes, or 10 % more than at a hundredth of
// the number.
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "tests/bench/model.h"

namespace postern::bench {
namespace {

constexpr size_t kEvents = 20'000;  // at most, for one figure
constexpr std::string_view kAgain = "DONE\r\nb IDLE\r\n";

// A session, and the one record that its client still has to send when it is gone itself.
struct Place {
  std::unique_ptr<Parked> session;
  std::array<char, 64> record;
  uint8_t record_size = 0;
};

size_t heap_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

class Scale {
 public:
  explicit Scale(size_t sessions) : places_(sessions) {}

  // Grows to `count` sessions and prints a row; returns the bytes of one.
  double grow(size_t count) {
    const size_t before = used_;
    while (used_ < count) {
      park(places_[used_++]);
    }
    const double each = static_cast<double>(heap_in_use() - start_) / static_cast<double>(used_);
    const double reported =
        time_events(before, [](Place& place) { place.session->backend_bytes("* 23 EXISTS\r\n"); });
    const double asked = time_events(before, [this](Place& place) {
      place.session->client_bytes({place.record.data(), place.record_size});
      model_.let_backend_answer(*place.session);
    });
    std::printf("| %8zu | %8.0f | %8.0f | %8.0f |\n", used_, each, reported, asked);
    std::fflush(stdout);
    return each;
  }

  void drain() {
    const double begin = cpu_ns();
    for (size_t i = 0; i < used_; ++i) {
      places_[i].session->drain();
      places_[i].session.reset();
      model_.to_client.clear();
    }
    const double took = cpu_ns() - begin;
    malloc_trim(0);
    std::printf("\ndrained in %.2f s of CPU, %.0f ns each; left %.0f bytes each\n", took / 1e9,
                took / static_cast<double>(used_),
                (static_cast<double>(heap_in_use()) - static_cast<double>(start_)) /
                    static_cast<double>(used_));
  }

  // What belongs to all sessions grows with the first.
  void warm_up() {
    park(places_[0]);
    places_[0].session.reset();
    model_.to_client.clear();
    start_ = heap_in_use();
    std::printf(
        "| sessions | bytes each | EXISTS to the client, ns | DONE, IDLE and answers, ns |\n"
        "|---:|---:|---:|---:|\n");
  }

 private:
  void park(Place& place) {
    Client client(model_.client_context(Model::Tls::V13), nullptr);
    place.session = model_.accept(client);
    model_.ask(*place.session, client, "a LOGIN user secret\r\n");
    model_.ask(*place.session, client, "b IDLE\r\n");
    client.say(kAgain);
    const std::string record = client.take();
    if (!place.session->idling() || record.size() > place.record.size()) {
      std::fprintf(stderr, "scale_model: a session does not idle\n");
      std::exit(1);
    }
    std::copy(record.begin(), record.end(), place.record.begin());
    place.record_size = static_cast<uint8_t>(record.size());
  }

  // Among those that came since the last row, in no order that a cache could guess.
  template <typename Event>
  double time_events(size_t from, Event&& event) {
    const size_t span = used_ - from;
    const size_t count = std::min(span, kEvents);
    const size_t stride = span / count * 7919 % span | 1;
    double took = 0;
    std::vector<bool> seen(span);
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
      at = (at + stride) % span;
      while (seen[at]) {
        at = (at + 1) % span;
      }
      seen[at] = true;
      const double begin = cpu_ns();
      event(places_[from + at]);
      took += cpu_ns() - begin;
      model_.to_client.clear();
    }
    return took / static_cast<double>(count);
  }

  Model model_;
  std::vector<Place> places_;
  size_t used_ = 0;
  size_t start_ = 0;
};

int run(size_t sessions, double limit) {
  Scale scale(sessions);
  scale.warm_up();
  if (sessions >= 1'000'000) {
    scale.grow(sessions / 1000);
  }
  const double small = scale.grow(sessions / 100);
  scale.grow(sessions / 10);
  const double large = scale.grow(sessions);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("\nlargest resident size: %.2f GiB\n",
              static_cast<double>(usage.ru_maxrss) / 1048576);
  scale.drain();
  if (large > limit || large > 1.1 * small) {
    std::fprintf(stderr,
                 "scale_model: %.0f bytes a session; allowed are %.0f, and a tenth above %.0f\n",
                 large, limit, small);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  const size_t sessions = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  const double limit = argc > 2 ? std::strtod(argv[2], nullptr) : 5 * 1024;
  return postern::bench::run(sessions, limit);
}

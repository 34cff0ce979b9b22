// FileWatch: tells when files have come to say something else, whichever way they are replaced:
// renamed over, rewritten in place, or behind a symbolic link that now points elsewhere
// (Kubernetes'
// `..data`, certbot's live/). It looks at each path twice a second by stat(2), about 2 us each,
// where inotify would need a watch on every folder on the way through every link. What has changed
// is told once it has been still for a moment, so that two files written one after the other are
// one change. Loop's thread only; the observer must outlive *this.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern::net {

class FileWatchObserver {
 public:
  // `paths` have changed since they were last told, or since the view that follow() was given.
  virtual void on_files_changed(const std::vector<std::string>& paths) = 0;

 protected:
  ~FileWatchObserver() = default;
};

class FileWatch final : private Deadline {
 public:
  static constexpr uint64_t kLookMs = 500;
  static constexpr uint64_t kStillMs = 200;

  // What stat(2) says of a path; of one that is not there, only that.
  struct Sight {
    std::string path;
    std::array<uint64_t, 7> facts{};
    bool operator==(const Sight&) const = default;
  };
  using View = std::vector<Sight>;
  // Every path once; empty ones are left out. Any thread.
  static View look(std::vector<std::string> paths);

  FileWatch(Loop& loop, FileWatchObserver& observer) : loop_(loop), observer_(observer) {}

  // Watches the paths of `view` and no others from now on. Make the view before the files are read,
  // and no change in between is missed.
  void follow(View view);

 private:
  void on_deadline() override;

  Loop& loop_;
  FileWatchObserver& observer_;
  View told_;  // as the observer knows it
  View seen_;  // as it was at the last look
  uint64_t still_since_ms_ = 0;
};

}  // namespace postern::net

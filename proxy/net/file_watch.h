// FileWatch: reports when the content of files changes, however they are replaced: renamed over,
// rewritten in place, or through a symbolic link that now points elsewhere (Kubernetes' `..data`,
// certbot's live/). It calls stat(2) on each path twice a second, about 2 us each; inotify would
// need a watch on every folder along every link. A change is reported once it has been still for a
// moment, so that two files written one after the other are one change. Loop's thread only; the
// observer must outlive *this.
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
  // `paths` have changed since the last report, or since the view given to follow().
  virtual void on_files_changed(const std::vector<std::string>& paths) = 0;

 protected:
  ~FileWatchObserver() = default;
};

class FileWatch final : private Deadline {
 public:
  static constexpr uint64_t kLookMs = 500;
  static constexpr uint64_t kStillMs = 200;

  // What stat(2) says of a path; all zeros if the path does not exist.
  struct Sight {
    std::string path;
    std::array<uint64_t, 7> facts{};
    bool operator==(const Sight&) const = default;
  };
  using View = std::vector<Sight>;
  // Looks at every path once and skips empty ones. Any thread.
  static View look(std::vector<std::string> paths);

  FileWatch(Loop& loop, FileWatchObserver& observer) : loop_(loop), observer_(observer) {}

  // From now on watches only the paths of `view`. Make the view before reading the files, so that
  // no change in between is missed.
  void follow(View view);

 private:
  void on_deadline() override;

  Loop& loop_;
  FileWatchObserver& observer_;
  View reported_;  // as the observer knows it
  View seen_;      // as it was at the last look
  uint64_t still_since_ms_ = 0;
};

}  // namespace postern::net

#include "proxy/net/file_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace postern::net {
namespace {

uint64_t nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Includes the change time, because a tool may set the modification time back.
FileWatch::Sight look_at(std::string path) {
  FileWatch::Sight sight{std::move(path)};
  struct stat found {};
  if (stat(sight.path.c_str(), &found) == 0) {
    sight.facts = {1,
                   found.st_dev,
                   found.st_ino,
                   static_cast<uint64_t>(found.st_size),
                   found.st_mode,
                   nanoseconds(found.st_mtim),
                   nanoseconds(found.st_ctim)};
  }
  return sight;
}

FileWatch::View look_again(const FileWatch::View& before) {
  FileWatch::View now;
  now.reserve(before.size());
  for (const FileWatch::Sight& sight : before) {
    now.push_back(look_at(sight.path));
  }
  return now;
}

}  // namespace

FileWatch::View FileWatch::look(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  View view;
  for (std::string& path : paths) {
    if (!path.empty()) {
      view.push_back(look_at(std::move(path)));
    }
  }
  return view;
}

void FileWatch::follow(View view) {
  reported_ = std::move(view);
  seen_ = reported_;
  disarm();
  if (!reported_.empty()) {
    arm(loop_.deadlines(), kLookMs);
  }
}

void FileWatch::on_deadline() {
  const uint64_t now_ms = loop_.now_ms();
  View now = look_again(seen_);
  if (now != seen_) {
    seen_ = std::move(now);
    still_since_ms_ = now_ms;
  }
  if (seen_ == reported_) {
    arm(loop_.deadlines(), kLookMs);
    return;
  }
  if (now_ms - still_since_ms_ < kStillMs) {
    arm(loop_.deadlines(), kStillMs / 2);
    return;
  }
  std::vector<std::string> changed;
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (!(seen_[i] == reported_[i])) {
      changed.push_back(seen_[i].path);
    }
  }
  reported_ = seen_;
  arm(loop_.deadlines(), kLookMs);
  observer_.on_files_changed(changed);  // may call follow()
}

}  // namespace postern::net

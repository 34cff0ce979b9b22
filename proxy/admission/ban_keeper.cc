#include "proxy/admission/ban_keeper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <utility>
#include <vector>

#include "proxy/admission/internal/ban_file.h"
#include "proxy/base/bytes.h"
#include "proxy/base/open_file.h"
#include "proxy/log/log.h"

namespace postern {
namespace {

constexpr size_t kMostBytes = 2 * kMiB;

std::string reason() {
  return std::generic_category().message(errno);
}

// Of its own user alone: addresses of people are in it.
bool write_file(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const OpenFile file(fd >= 0 ? fdopen(fd, "w") : nullptr);
  return file != nullptr && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
         std::fflush(file.get()) == 0;
}

Result<std::vector<KeptBan>> read_file(const std::string& path) {
  const Result<OpenFile> file = open_file(path);
  if (!file) {
    return file.faults();
  }
  std::string text(kMostBytes, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.value().get()));
  if (std::ferror(file.value().get()) != 0) {
    return cannot_read(path, errno);
  }
  return read_bans(text, path);
}

}  // namespace

BanKeeper::BanKeeper(net::Loop& loop, LoginGuard& guard, const std::string& directory)
    : loop_(loop), guard_(guard), path_(directory.empty() ? "" : directory + "/bans") {}

void BanKeeper::start(bool has_predecessor) {
  if (path_.empty()) {
    return;
  }
  read();
  awaits_predecessor_ = has_predecessor;
  arm(loop_.deadlines(), has_predecessor ? kHandOverMs : kEveryMs);
}

void BanKeeper::on_deadline() {
  if (std::exchange(awaits_predecessor_, false)) {
    read();
  }
  write();
  arm(loop_.deadlines(), kEveryMs);
}

void BanKeeper::hand_over() {
  write();
  disarm();
  path_.clear();
}

// Those that have ended meanwhile are left out.
void BanKeeper::read() {
  const bool all_written = written_ == guard_.changes();
  if (access(path_.c_str(), F_OK) != 0 && errno == ENOENT) {
    return;
  }
  const auto bans = read_file(path_);
  if (!bans) {
    log::warn("bans not read", {{"fault", bans.faults().front().text()},
                                {"advice", "the next change of a ban replaces the file"}});
    return;
  }
  const int64_t now_s = std::time(nullptr);
  size_t count = 0;
  for (const KeptBan& ban : bans.value()) {
    if (ban.until_s > now_s) {
      const auto left_ms = static_cast<uint64_t>(ban.until_s - now_s) * 1000;
      guard_.ban(ban.client, loop_.now_ms() + std::min(left_ms, LoginGuard::kLongestBanMs),
                 loop_.now_ms(), ban.by_hand);
      ++count;
    }
  }
  written_ = all_written ? guard_.changes() : written_;
  log::info("bans taken over", {{"file", path_}, {"count", count}});
}

void BanKeeper::write() {
  const uint64_t changes = guard_.changes();
  if (path_.empty() || changes == written_ || awaits_predecessor_) {
    return;
  }
  const uint64_t now_ms = loop_.now_ms();
  const int64_t now_s = std::time(nullptr);
  std::vector<KeptBan> kept;
  for (const LoginGuard::Ban& ban : guard_.bans(now_ms)) {
    kept.push_back({.client = ban.client,
                    .until_s = now_s + static_cast<int64_t>((ban.until_ms - now_ms + 999) / 1000),
                    .by_hand = ban.by_hand});
  }
  std::reverse(kept.begin(), kept.end());  // the last one last, as they are read
  const std::string next = path_ + ".new";
  std::remove(next.c_str());
  if (!write_file(next, write_bans(kept)) || std::rename(next.c_str(), path_.c_str()) != 0) {
    log::write(log::Level::Error, "bans not written", {{"file", path_}, {"reason", reason()}},
               {.key = "file", .value = "bans", .once = true});
    return;
  }
  written_ = changes;
}

}  // namespace postern

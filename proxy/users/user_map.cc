#include "proxy/users/user_map.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <limits>
#include <system_error>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/base/closest_match.h"
#include "proxy/base/open_file.h"
#include "proxy/users/user_name.h"

namespace postern {
namespace {

constexpr size_t kHead = 2;                                  // length and backend
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // Windows' editors write it
constexpr size_t kLeastSlots = 64;
constexpr size_t kMostText = std::numeric_limits<uint32_t>::max() - kMaxUserName - kHead;

std::string_view take_word(std::string_view& rest) {
  constexpr std::string_view kBlanks = " \t\r";
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

// A word of the file, for a message: cut, and without what would disturb a terminal.
std::string in_quotes(std::string_view word) {
  constexpr size_t kShown = 40;
  std::string text(word.substr(0, kShown));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + text + (word.size() > kShown ? "...\"" : "\"");
}

}  // namespace

// Takes a file in pieces, cut anywhere.
class UserMap::Builder {
 public:
  Builder(std::string file, std::string_view default_domain,
          const std::vector<std::string>& backends)
      : file_(std::move(file)), default_domain_(default_domain), backends_(backends) {}

  // How long the file is: the names of it take no more, but for default domains.
  void expect(size_t bytes) { map_->text_.reserve(std::min(bytes, kMostText)); }

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t newline = bytes.find('\n');
      hold(bytes.substr(0, newline));
      if (newline == std::string_view::npos) {
        return;
      }
      end_line();
      bytes.remove_prefix(newline + 1);
    }
  }

  Result<std::shared_ptr<const UserMap>> end() {
    if (!held_.empty()) {
      end_line();
    }
    if (bad_lines_ > faults_.size()) {
      faults_.push_back(
          {file_, "has " + std::to_string(bad_lines_ - faults_.size()) + " more wrong lines"});
    }
    if (!faults_.empty()) {
      return faults_;
    }
    return std::shared_ptr<const UserMap>(std::move(map_));
  }

 private:
  // One octet more than a line may have shows that it has too many.
  void hold(std::string_view piece) {
    held_.append(piece.substr(0, kMaxLine + 1 - std::min(held_.size(), kMaxLine + 1)));
  }

  void end_line() {
    std::string_view line = held_;
    if (++line_ == 1 && line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
    }
    if (std::string wrong = take(line); !wrong.empty()) {
      fault(std::move(wrong));
    }
    held_.clear();
  }

  // Returns what is wrong, if anything is.
  std::string take(std::string_view line) {
    if (line.size() > kMaxLine) {
      return "the line is longer than 1024 octets; a line is: user backend";
    }
    std::string_view rest = line;
    const std::string_view user = take_word(rest);
    const std::string_view backend = take_word(rest);
    if (user.empty() || user.front() == '#') {
      return {};
    }
    const std::string_view more = take_word(rest);
    if (backend.empty() || backend.front() == '#' || (!more.empty() && more.front() != '#')) {
      return "the line is not of two words; a line is: user backend";
    }
    if (user.find('*') != std::string_view::npos) {
      return "the line has a user with \"*\"; patterns such as *@example.org belong into the "
             "configuration's routes";
    }
    if (const char* wrong = name_fault(user)) {
      return std::string("the line ") + wrong;
    }
    const auto known = std::ranges::find(backends_, backend);
    const bool held = known == backends_.end() && backend == kHeld;
    if (known == backends_.end() && !held) {
      return unknown(backend);
    }
    map_->held_ += held ? 1 : 0;
    return add(user, static_cast<size_t>(known - backends_.begin()));
  }

  std::string add(std::string_view user, size_t backend) {
    const std::string name = user_name(user, default_domain_);
    if (name.empty()) {
      return "the line has a user of more than 255 octets with the default domain";
    }
    if (map_->users_ == kMaxUsers || map_->text_.size() > kMostText) {
      return "the line is one too many: at most 10000000 users";
    }
    if (!map_->add(name, backend)) {
      return "the line has a user that an earlier line has: letter case and the default domain "
             "make no difference";
    }
    return {};
  }

  std::string unknown(std::string_view backend) const {
    std::string text = in_quotes(backend) + " is none of the backends";
    for (const std::string& known : backends_) {
      text.append(&known == backends_.data() ? " " : ", ").append(in_quotes(known));
    }
    if (const std::string* meant = closest_match(backend, backends_)) {
      text.append("; did you mean ").append(in_quotes(*meant)).append("?");
    }
    return text;
  }

  void fault(std::string wrong) {
    if (++bad_lines_ <= kMaxFaults) {
      faults_.push_back({file_ + ":" + std::to_string(line_), std::move(wrong)});
    }
  }

  const std::string file_;
  const std::string_view default_domain_;
  const std::vector<std::string>& backends_;
  std::unique_ptr<UserMap> map_ = std::make_unique<UserMap>();
  std::string held_;  // of the line that has not ended
  size_t line_ = 0;
  size_t bad_lines_ = 0;
  Faults faults_;
};

Result<std::shared_ptr<const UserMap>> UserMap::load(const std::string& path,
                                                     std::string_view default_domain,
                                                     const std::vector<std::string>& backends) {
  const Result<OpenFile> opened = open_file(path);
  if (!opened) {
    return opened.faults();
  }
  std::FILE* const file = opened.value().get();
  Builder builder(path, default_domain, backends);
  if (std::fseek(file, 0, SEEK_END) == 0) {
    builder.expect(static_cast<size_t>(std::max(std::ftell(file), 0L)));
    std::rewind(file);
  }
  std::array<char, 64 * kKiB> piece{};
  while (const size_t size = std::fread(piece.data(), 1, piece.size(), file)) {
    builder.feed({piece.data(), size});
  }
  if (std::ferror(file) != 0) {
    return cannot_read(path, errno);
  }
  return builder.end();
}

Result<std::shared_ptr<const UserMap>> UserMap::parse(std::string_view text, std::string name,
                                                      std::string_view default_domain,
                                                      const std::vector<std::string>& backends) {
  Builder builder(std::move(name), default_domain, backends);
  builder.feed(text);
  return builder.end();
}

std::optional<size_t> UserMap::find(std::string_view name) const {
  if (users_ == 0 || name.empty()) {
    return std::nullopt;
  }
  const uint32_t place = table_[slot_of(name)];
  if (place == 0) {
    return std::nullopt;
  }
  return static_cast<uint8_t>(text_[place + 1]);
}

bool UserMap::add(std::string_view name, size_t backend) {
  if (2 * (users_ + 1) > table_.size()) {
    grow();
  }
  uint32_t& slot = table_[slot_of(name)];
  if (slot != 0) {
    return false;
  }
  if (text_.empty()) {
    text_.push_back('\0');  // no user is at place 0
  }
  slot = static_cast<uint32_t>(text_.size());
  text_.push_back(static_cast<char>(name.size()));
  text_.push_back(static_cast<char>(backend));
  text_.append(name);
  ++users_;
  bare_ += name.find('@') == std::string_view::npos ? 1 : 0;
  return true;
}

std::string_view UserMap::name_at(uint32_t place) const {
  return std::string_view(text_).substr(place + kHead, static_cast<uint8_t>(text_[place]));
}

// Its own, or the free one where it belongs. The table is never more than half full.
size_t UserMap::slot_of(std::string_view name) const {
  const size_t mask = table_.size() - 1;
  size_t slot = std::hash<std::string_view>()(name) & mask;
  while (table_[slot] != 0 && name_at(table_[slot]) != name) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void UserMap::grow() {
  const std::vector<uint32_t> places =
      std::exchange(table_, std::vector<uint32_t>(std::max(kLeastSlots, 2 * table_.size())));
  for (const uint32_t place : places) {
    if (place != 0) {
      table_[slot_of(name_at(place))] = place;
    }
  }
}

}  // namespace postern

#include "proxy/snapshot/greeting.h"

#include <sstream>
#include <vector>

#include "proxy/imap/login_front.h"

namespace postern {
namespace {

bool has_word(const std::string& list, const std::string& word) {
  return (" " + list + " ").find(" " + word + " ") != std::string::npos;
}

// The words of `list` that `common` lacks, each with a space before it.
std::string beyond(const std::string& list, const std::string& common) {
  std::istringstream words(list);
  std::string more;
  for (std::string word; words >> word;) {
    if (!has_word(common, word)) {
      more.append(" ").append(word);
    }
  }
  return more;
}

// One for each server of the backend that has said what it can do; an empty one if none has.
std::vector<std::string> lists_of(const PoolHealth& health) {
  std::vector<std::string> lists;
  for (const auto& server : health) {
    if (std::string list = server->capabilities(); !list.empty()) {
      lists.push_back(std::move(list));
    }
  }
  if (lists.empty()) {
    lists.emplace_back();
  }
  return lists;
}

}  // namespace

std::string describe_greeting(const Materials& materials) {
  const Config& config = *materials.config;
  std::vector<std::string> all;
  for (size_t i = 0; i < config.backends.size(); ++i) {
    if (is_routed(config, i)) {
      const std::vector<std::string> lists = lists_of(materials.health[i]);
      all.insert(all.end(), lists.begin(), lists.end());
    }
  }
  const std::string common = imap::common_capabilities(all);
  std::string text = "greeting     " + common + "\n";
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const std::string own = imap::common_capabilities(lists_of(materials.health[i]));
    if (const std::string more = is_routed(config, i) ? beyond(own, common) : ""; !more.empty()) {
      text.append("             not of all backends, but of ").append(config.backends[i].name);
      text.append(":").append(more).append("\n");
    }
  }
  return text;
}

}  // namespace postern

#include "proxy/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "proxy/config/internal/draft.h"
#include "proxy/config/internal/reader.h"
#include "proxy/config/internal/yaml.h"

namespace postern {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string system_text(int error) {
  return std::generic_category().message(error);
}

// Reads one byte more than allowed, so that the parser can see that the file is too large.
Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return Fault{path, "cannot be opened: " + system_text(errno)};
  }
  std::string text(config::kMaxFileBytes + 1, '\0');
  const size_t size = std::fread(text.data(), 1, text.size(), file.get());
  if (std::ferror(file.get()) != 0) {
    return Fault{path, "cannot be read: " + system_text(errno)};
  }
  text.resize(size);
  return text;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

}  // namespace

Result<Config> Config::load(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) {
    return text.faults();
  }
  return parse(text.value(), path, folder_of(path));
}

Result<Config> Config::parse(const std::string& yaml, const std::string& name,
                             const std::string& folder) {
  const Result<config::Document> document = config::Document::read(yaml, name);
  if (!document) {
    return document.faults();
  }
  config::Draft draft(name, folder);
  config::read_document(document.value(), draft);
  return config::assemble(std::move(draft));
}

bool is_routed(const Config& config, size_t backend) {
  return backend == config.default_backend || !config.users.map.empty() || config.users.lookup ||
         std::ranges::find(config.routes, backend, &RouteConfig::backend) != config.routes.end();
}

bool routes_by_user(const Config& config) {
  return !config.users.map.empty() || config.users.lookup ||
         std::ranges::any_of(config.routes, [](const auto& route) { return !route.user.empty(); });
}

}  // namespace postern

// Draft: the values as they were written, before they are checked against each other. The file and
// the command line both fill one; assemble() makes the Config of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/config/config.h"
#include "proxy/config/diagnostics.h"

namespace postern::config {

inline constexpr size_t kMaxBackends = 64;
inline constexpr size_t kMaxServers = 64;  // of one backend
inline constexpr size_t kMaxRoutes = 1024;
inline constexpr size_t kMaxCertificates = 4096;

enum class Preset : uint8_t { Modern, Intermediate };
inline constexpr Names<Preset> kPresetNames{"modern", "intermediate"};
constexpr const char* name_of(Preset preset) {
  return kPresetNames[preset];
}

// A policy as it was written: a preset's name, or a custom one.
struct PolicyDraft {
  std::optional<Preset> preset;
  std::optional<SourceValue> place;  // set if the policy is custom
  tls::Version min_version = tls::Policy().min_version;
  std::optional<std::vector<SourceValue>> ciphers;  // if not written: those of "intermediate"
  std::optional<std::vector<SourceValue>> groups;
};

struct ListenerDraft {
  SourceValue address;
  ListenerTls tls = ListenerConfig().tls;
  PolicyDraft policy = {};
  size_t sessions = 0;
  std::vector<net::Network> proxies = {};
  ListenerAlpn alpn = ListenerAlpn::Strict;
};

struct ServerDraft {
  SourceValue address;  // parsed last: its default port depends on the backend's `tls`
  ServerConfig config = {};
};

struct BackendDraft {
  SourceValue name;
  std::vector<ServerDraft> servers;
  std::optional<SourceValue> verify;
  std::optional<SourceValue> client_certificate;
  std::optional<SourceValue> min_version;
  BackendConfig config;
};

struct RouteDraft {
  size_t line = 0;
  std::optional<SourceValue> sni = {};
  std::optional<SourceValue> user = {};
  SourceValue backend = {};
};

struct Draft {
  // `name` stands for the file in faults (empty: flags); relative paths start from `folder`.
  Draft(std::string name, std::string folder);

  Diagnostics diagnostics;
  std::string folder;

  Config config;                  // the values that need no further check
  std::optional<size_t> workers;  // nullopt: auto
  std::vector<ListenerDraft> listeners;
  PolicyDraft policy;
  PolicyDraft shadow_policy;
  std::vector<BackendDraft> backends;
  std::vector<RouteDraft> routes;
  std::optional<SourceValue> default_backend;
  std::optional<SourceValue> users;
  std::optional<SourceValue> lookup_ca;
  std::optional<SourceValue> idle;
  std::optional<SourceValue> renewal_overdue;
  std::optional<SourceValue> expiry_alarm;
  std::optional<SourceValue> admin;
  std::optional<SourceValue> admin_tls;
  std::optional<SourceValue> admin_token;
  std::optional<SourceValue> ready;
};

// Checks the values against each other and reports every fault at once. Warnings go into the
// Config.
Result<Config> assemble(Draft draft);

}  // namespace postern::config

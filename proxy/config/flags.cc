#include "proxy/config/flags.h"

#include <algorithm>
#include <utility>

#include "proxy/config/internal/draft.h"
#include "proxy/config/values.h"

namespace postern::config {
namespace {

template <typename Read>
void if_given(const std::optional<std::string>& flag, const char* name, Read read) {
  if (flag) {
    read(SourceValue{*flag, name});
  }
}

void take_listeners(const Flags& flags, Draft& draft) {
  for (const std::string& text : flags.listen) {
    draft.listeners.push_back({{text, "--listen"}, ListenerTls::Implicit});
  }
  for (const std::string& text : flags.listen_starttls) {
    draft.listeners.push_back({{text, "--listen-starttls"}, ListenerTls::StartTls});
  }
  if (draft.listeners.empty()) {
    draft.diagnostics.fault(0, "--listen is missing: where clients connect, such as 0.0.0.0:993");
  } else if (draft.listeners.size() > kMaxListeners) {
    draft.diagnostics.fault(
        0, "--listen is given more than " + std::to_string(kMaxListeners) + " times");
  }
}

void take_backend(const Flags& flags, Draft& draft) {
  Diagnostics& diagnostics = draft.diagnostics;
  BackendDraft backend;
  backend.name = {"default", "--backend"};
  for (const std::string& text : flags.backend) {
    backend.servers.push_back({.address = {text, "--backend"}});
  }
  if (flags.backend.empty()) {
    diagnostics.fault(0, "--backend is missing: the IMAP server, such as mail.internal:143");
  } else if (flags.backend.size() > kMaxServers) {
    diagnostics.fault(0, "--backend is given more than " + std::to_string(kMaxServers) + " times");
  }
  if_given(flags.backend_tls, "--backend-tls",
           [&](const SourceValue& value) { read_choice(value, backend.config.tls, diagnostics); });
  if_given(flags.backend_ca, "--backend-ca", [&](const SourceValue& value) {
    read_path(value, "", backend.config.verify.ca_file, diagnostics);
    backend.verify = value;
  });
  if (flags.backend_insecure) {
    if (backend.verify) {
      diagnostics.fault(0, "--backend-insecure contradicts --backend-ca");
    }
    backend.verify = SourceValue{"none", "--backend-insecure"};
    backend.config.verify.mode = tls::Verification::Mode::None;
  }
  draft.backends.push_back(std::move(backend));
}

void take_tls(const Flags& flags, Draft& draft) {
  Diagnostics& diagnostics = draft.diagnostics;
  TlsConfig& tls = draft.config.tls;
  tls.self_signed = flags.self_signed;
  if (flags.cert.size() != flags.key.size()) {
    diagnostics.fault(0, "--cert is given " + std::to_string(flags.cert.size()) +
                             " times and --key " + std::to_string(flags.key.size()) +
                             " times; each certificate needs its key");
  } else if (flags.self_signed != flags.cert.empty()) {
    diagnostics.fault(0, flags.self_signed ? "--self-signed contradicts --cert and --key"
                                           : "--cert and --key are missing; to try things out, "
                                             "--self-signed makes a certificate");
  }
  for (size_t i = 0; i < std::min(flags.cert.size(), flags.key.size()); ++i) {
    tls::CertificateFiles& files = tls.certificates.emplace_back();
    files.where = "--cert";
    read_path({flags.cert[i], "--cert"}, "", files.chain, diagnostics);
    read_path({flags.key[i], "--key"}, "", files.key, diagnostics);
  }
  if_given(flags.policy, "--policy", [&](const SourceValue& value) {
    read_choice(value, draft.policy.preset.emplace(), diagnostics);
  });
}

void take_rest(const Flags& flags, Draft& draft) {
  Diagnostics& diagnostics = draft.diagnostics;
  if_given(flags.workers, "--workers",
           [&](const SourceValue& value) { read_workers(value, draft.workers, diagnostics); });
  if_given(flags.admin, "--admin", [&](const SourceValue& value) { draft.admin = value; });
  if_given(flags.log_level, "--log-level", [&](const SourceValue& value) {
    read_choice(value, draft.config.log_level, diagnostics);
  });
  if_given(flags.log_format, "--log-format", [&](const SourceValue& value) {
    read_choice(value, draft.config.log_format, diagnostics);
  });
}

}  // namespace

Result<Config> from_flags(const Flags& flags) {
  Draft draft("", "");
  take_listeners(flags, draft);
  take_backend(flags, draft);
  take_tls(flags, draft);
  take_rest(flags, draft);
  return assemble(std::move(draft));
}

Result<Config> from_file(const Flags& flags) {
  Result<Config> loaded = Config::load(flags.config);
  if (!flags.log_level) {
    return loaded;
  }
  Diagnostics diagnostics("");
  log::Level level = log::Level::Info;
  read_choice({*flags.log_level, "--log-level"}, level, diagnostics);
  Faults faults = diagnostics.faults();
  if (!loaded) {
    append(faults, loaded.faults());
  }
  if (!faults.empty()) {
    return faults;
  }
  loaded.value().log_level = level;
  return loaded;
}

}  // namespace postern::config

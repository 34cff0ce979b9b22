#include "tls/internal/ssl_context.h"

#include <string>

#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

uint16_t wire_version(Version version) {
  return static_cast<uint16_t>(TLS1_VERSION + static_cast<int>(version));
}

std::string suite_list(const Policy& policy) {
  std::string list;
  for (const std::string& name : policy.ciphers) {
    list.append(list.empty() ? "" : ":").append(name);
  }
  return list;
}

std::string group_list(const Policy& policy) {
  std::string list;
  for (const std::string& name : policy.groups) {
    const Group* group = find_group(name);
    list.append(list.empty() ? "" : ":").append(group == nullptr ? name : group->boringssl_name);
  }
  return list;
}

Fault refused(const Policy& policy, const char* what) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string message = "BoringSSL refuses the " + std::string(what) + " of TLS policy '" +
                        policy.name + "': " + (reason == nullptr ? "unknown reason" : reason);
  ERR_clear_error();
  return {"", std::move(message)};
}

}  // namespace

Result<bssl::UniquePtr<SSL_CTX>> make_ssl_context(const Policy& policy) {
  bssl::UniquePtr<SSL_CTX> ctx(SSL_CTX_new(TLS_with_buffers_method()));
  check(ctx != nullptr, "an SSL_CTX fits into memory");
  // Always set: the default minimum is 1.0 in older releases and 1.2 in newer ones.
  if (SSL_CTX_set_min_proto_version(ctx.get(), wire_version(policy.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(ctx.get(), wire_version(policy.max_version)) != 1) {
    return refused(policy, "versions");
  }
  const std::string suites = suite_list(policy);
  if (!suites.empty() && SSL_CTX_set_strict_cipher_list(ctx.get(), suites.c_str()) != 1) {
    return refused(policy, "cipher suites");
  }
  if (SSL_CTX_set1_curves_list(ctx.get(), group_list(policy).c_str()) != 1) {
    return refused(policy, "groups");
  }
  SSL_CTX_set_options(ctx.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_early_data_enabled(ctx.get(), 0);
  SSL_CTX_set_quiet_shutdown(ctx.get(), 0);
  return ctx;
}

}  // namespace postern::tls

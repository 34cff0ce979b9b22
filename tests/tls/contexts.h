// Contexts for tests, ready in one line.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "tests/support/certificates.h"
#include "tls/context.h"

namespace postern::tls {

template <typename T>
T expect_value(Result<T> result) {
  const Faults faults = result ? Faults{} : result.faults();
  for (const Fault& fault : faults) {
    std::fprintf(stderr, "%s\n", fault.text().c_str());
  }
  return std::move(result.value());
}

inline Policy intermediate() {
  return expect_value(Policy::preset("intermediate"));
}

inline std::shared_ptr<const CertificateStore> store_of(const std::vector<test::Issued>& issued) {
  const test::TempDirectory directory;
  std::vector<CertificateFiles> files;
  for (const test::Issued& one : issued) {
    const std::string number = std::to_string(files.size());
    files.push_back({directory.write("chain" + number, one.certificate_pem),
                     directory.write("key" + number, one.key_pem), "test:" + number});
  }
  return expect_value(CertificateStore::load(files));
}

inline std::shared_ptr<const TicketKeys> tickets(char fill = 's') {
  const std::string secret(32, fill);
  return TicketKeys::from_secret(as_bytes(secret));
}

inline std::shared_ptr<const CertificateStore> self_signed_store() {
  return expect_value(CertificateStore::self_signed({"mail.example.org"}));
}

inline std::unique_ptr<ServerContext> server_context(
    std::shared_ptr<const CertificateStore> store = self_signed_store(),
    Policy policy = intermediate()) {
  return expect_value(ServerContext::make(
      {std::move(policy), std::move(store), tickets(), "listener", &wall_clock_s}));
}

inline Verification no_verification() {
  return {Verification::Mode::None, "", "", {}};
}

inline std::unique_ptr<ClientContext> client_context(Policy policy = intermediate(),
                                                     const Verification& rule = no_verification()) {
  return expect_value(ClientContext::make({std::move(policy), expect_value(load_verifier(rule))}));
}

}  // namespace postern::tls

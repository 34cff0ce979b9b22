#include "proxy/snapshot/snapshot.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/metrics/figures.h"
#include "tests/support/certificates.h"
#include "tests/support/gateway.h"

namespace postern {
namespace {

Config config() {
  return test::gateway_config({{"mail.internal", 143}});
}

Config routed() {
  Config wanted = config();
  for (const char* name : {"exact", "wild"}) {
    BackendConfig backend = wanted.backends[0];
    backend.name = name;
    wanted.backends.push_back(backend);
  }
  wanted.routes = {{"mail.example.org", 1}, {"*.example.org", 2}};
  return wanted;
}

TEST(Snapshot, RoutesByExactNameThenWildcardThenDefault) {
  metrics::LabelSets labels = metrics::complete_labels();
  const auto materials = Materials::load(routed(), nullptr);
  ASSERT_TRUE(materials);
  const auto snapshots = Snapshot::make(materials.value(), labels, 1);
  ASSERT_TRUE(snapshots);
  const Snapshot& snapshot = *snapshots.value()[0];
  EXPECT_EQ(snapshot.route("mail.example.org").config().name, "exact");
  EXPECT_EQ(snapshot.route("other.example.org").config().name, "wild");
  EXPECT_EQ(snapshot.route("a.b.example.org").config().name, "pool") << "one label only";
  EXPECT_EQ(snapshot.route("example.org").config().name, "pool");
  EXPECT_EQ(snapshot.route("localhost").config().name, "pool");
  EXPECT_EQ(snapshot.route("").config().name, "pool");
}

TEST(Snapshot, IsMadeForEachWorkerWithBooksOfItsOwnAndTheSameLabels) {
  metrics::LabelSets labels = metrics::complete_labels();
  const auto materials = Materials::load(config(), nullptr);
  ASSERT_TRUE(materials);
  const auto snapshots = Snapshot::make(materials.value(), labels, 2);
  ASSERT_TRUE(snapshots);
  const Snapshot& one = *snapshots.value()[0];
  const Snapshot& two = *snapshots.value()[1];
  EXPECT_NE(one.pools[0], two.pools[0]);
  EXPECT_NE(one.contexts[0]->get(), two.contexts[0]->get());
  EXPECT_EQ(one.pools[0]->server(0).label, two.pools[0]->server(0).label);
  const auto again = Snapshot::make(materials.value(), labels, 1);
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value()[0]->pools[0]->server(0).label, one.pools[0]->server(0).label)
      << "a reload keeps a server's figures together";
}

TEST(Materials, KeepTheSelfSignedCertificateAndTheTicketKeysOverAReload) {
  const auto first = Materials::load(config(), nullptr);
  ASSERT_TRUE(first);
  const auto second = Materials::load(config(), &first.value());
  ASSERT_TRUE(second);
  EXPECT_EQ(second.value().certificates, first.value().certificates);
  EXPECT_EQ(second.value().tickets, first.value().tickets);
}

// Each worker and the checks of health trust the same authorities, whatever has become of the file.
TEST(Materials, ReadTheAuthoritiesOfABackendOnce) {
  const test::TempDirectory directory;
  Config wanted = config();
  wanted.backends[0].tls = BackendTls::Implicit;
  wanted.backends[0].health = HealthConfig();
  wanted.backends[0].verify.ca_file = directory.write("ca.pem", test::Authority().pem());
  metrics::LabelSets labels = metrics::complete_labels();
  const auto materials = Materials::load(std::move(wanted), nullptr);
  ASSERT_TRUE(materials);
  directory.write("ca.pem", "broken");
  EXPECT_TRUE(Snapshot::make(materials.value(), labels, 2));
  EXPECT_TRUE(make_checked_pools(materials.value(), labels));
  const auto renewed = materials.value().renewed();
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed.value().verifiers, materials.value().verifiers);
}

TEST(Materials, ReportAllFaultsAtOnce) {
  Config wanted = config();
  wanted.tls.self_signed = false;
  wanted.tls.certificates = {{"/nowhere/chain.pem", "/nowhere/key.pem", "postern.yaml:3"}};
  wanted.tls.ticket_secret = "/nowhere/secret";
  wanted.backends[0].tls = BackendTls::Implicit;
  wanted.backends[0].verify.ca_file = "/nowhere/ca.pem";
  const auto materials = Materials::load(std::move(wanted), nullptr);
  ASSERT_FALSE(materials);
  std::string reported;
  for (const Fault& fault : materials.faults()) {
    reported += fault.text() + "\n";
  }
  for (const char* file : {"chain.pem", "key.pem", "secret", "ca.pem"}) {
    EXPECT_NE(reported.find(std::string("/nowhere/") + file), std::string::npos) << reported;
  }
}

}  // namespace
}  // namespace postern

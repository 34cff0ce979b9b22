#include "tls/internal/client_hello.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tls/contexts.h"

namespace postern::tls {
namespace {

std::string words(const std::vector<uint16_t>& numbers) {
  std::string text;
  for (const uint16_t number : numbers) {
    text.push_back(static_cast<char>(number >> 8U));
    text.push_back(static_cast<char>(number));
  }
  return text;
}

std::string with_length(const std::string& content, size_t octets) {
  const std::string length = words({static_cast<uint16_t>(content.size())});
  return length.substr(2 - octets) + content;
}

// The fields that the code under test reads, as BoringSSL has them after its own parsing.
class Hello {
 public:
  explicit Hello(uint16_t legacy_version = TLS1_2_VERSION) { view_.version = legacy_version; }

  Hello& suites(const std::vector<uint16_t>& numbers) {
    suites_ = words(numbers);
    return *this;
  }
  Hello& extension(uint16_t type, const std::string& content) {
    extensions_ += words({type}) + with_length(content, 2);
    return *this;
  }
  Hello& groups(const std::vector<uint16_t>& numbers) {
    return extension(TLSEXT_TYPE_supported_groups, with_length(words(numbers), 2));
  }
  Hello& versions(const std::vector<uint16_t>& numbers) {
    return extension(TLSEXT_TYPE_supported_versions, with_length(words(numbers), 1));
  }
  const SSL_CLIENT_HELLO& get() {
    view_.cipher_suites = as_bytes(suites_).data();
    view_.cipher_suites_len = suites_.size();
    view_.extensions = as_bytes(extensions_).data();
    view_.extensions_len = extensions_.size();
    return view_;
  }

 private:
  std::string suites_;
  std::string extensions_;
  SSL_CLIENT_HELLO view_{};
};

constexpr uint16_t kGrease = 0x1a1a;  // RFC 8701

TEST(ClientHello, ReadsSuites) {
  Hello hello;
  const Numbers suites = offered_suites(hello.suites({kGrease, 0x1301, 0xc02b}).get());
  EXPECT_TRUE(suites.has(0x1301));
  EXPECT_TRUE(suites.has(0xc02b));
  EXPECT_FALSE(suites.has(0x0113)) << "never across two numbers";
  EXPECT_FALSE(suites.any([](uint16_t number) { return number == 0; }));
  EXPECT_FALSE(offered_suites(Hello().get()).any([](uint16_t) { return true; }));
}

TEST(ClientHello, FindsAnExtensionAmongOthers) {
  Hello hello;
  hello.extension(0, "name").groups({29, 23}).extension(0x0017, "");
  const auto groups = list_extension(hello.get(), TLSEXT_TYPE_supported_groups);
  ASSERT_TRUE(groups.has_value());
  EXPECT_TRUE(groups->has(29) && groups->has(23));
  EXPECT_FALSE(groups->has(24));
  EXPECT_FALSE(list_extension(hello.get(), TLSEXT_TYPE_signature_algorithms).has_value());
  EXPECT_TRUE(has_extension(hello.get(), 0x0017));
  EXPECT_FALSE(has_extension(hello.get(), TLSEXT_TYPE_status_request));
}

TEST(ClientHello, IgnoresATruncatedList) {
  for (const auto& [type, octets] : {std::pair<uint16_t, size_t>{TLSEXT_TYPE_supported_groups, 2},
                                     {TLSEXT_TYPE_supported_versions, 1}}) {
    const std::string whole = with_length(words({29, 23}), octets);
    for (size_t size = 0; size < whole.size(); ++size) {
      Hello hello;
      hello.extension(type, whole.substr(0, size));
      EXPECT_FALSE(list_extension(hello.get(), type).has_value()) << type << " " << size;
    }
    Hello hello;
    hello.extension(type, whole);
    EXPECT_TRUE(list_extension(hello.get(), type).has_value()) << type;
  }
}

TEST(ClientHello, IgnoresAnOddOctetAtTheEndOfAList) {
  Hello hello;
  hello.extension(TLSEXT_TYPE_supported_groups, with_length(words({29}) + "x", 2));
  const auto groups = list_extension(hello.get(), TLSEXT_TYPE_supported_groups);
  ASSERT_TRUE(groups.has_value());
  int count = 0;
  groups->any([&](uint16_t) { return ++count > 9; });
  EXPECT_EQ(count, 1);
}

TEST(ClientHello, LegacyVersionCountsOnlyWithoutTheList) {
  const Policy policy = intermediate();
  EXPECT_EQ(negotiate_version(Hello(TLS1_2_VERSION).get(), policy), Version::Tls12);
  EXPECT_EQ(negotiate_version(Hello(TLS1_1_VERSION).get(), policy), std::nullopt);
  EXPECT_EQ(negotiate_version(Hello(TLS1_3_VERSION).get(), policy), Version::Tls12)
      << "RFC 8446 4.2.1: 1.3 only by the list";
  Hello lists;
  EXPECT_EQ(
      negotiate_version(lists.versions({kGrease, TLS1_3_VERSION, TLS1_2_VERSION}).get(), policy),
      Version::Tls13);
  Hello old;
  EXPECT_EQ(negotiate_version(old.versions({TLS1_1_VERSION, TLS1_VERSION}).get(), policy),
            std::nullopt)
      << "the list wins over a legacy version of 1.2";
}

TEST(ClientHello, ThePolicyBoundsTheVersion) {
  const Policy modern = expect_value(Policy::preset("modern"));
  Hello both;
  EXPECT_EQ(negotiate_version(both.versions({TLS1_2_VERSION, TLS1_3_VERSION}).get(), modern),
            Version::Tls13);
  EXPECT_EQ(negotiate_version(Hello().get(), modern), std::nullopt);
  const Policy old = Policy::toward_backend(Version::Tls10);
  EXPECT_EQ(negotiate_version(Hello(TLS1_VERSION).get(), old), Version::Tls10);
}

}  // namespace
}  // namespace postern::tls

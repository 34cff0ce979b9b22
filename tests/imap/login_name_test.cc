#include "proxy/imap/internal/login_name.h"

#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/base/bytes.h"
#include "proxy/imap/internal/token_error.h"

namespace postern::imap {
namespace {

using namespace std::string_literals;

constexpr SipHash::Key kKey = {1, 2};

// The expected hash of a name.
uint64_t hash_of(std::string_view name) {
  SipHash hash(kKey);
  hash.add(as_bytes(name));
  return hash.value() | 1;
}

std::string base64(std::string_view octets) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < octets.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = i; k < i + 3; ++k) {
      bits = bits << 8 | (k < octets.size() ? static_cast<uint8_t>(octets[k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      text.push_back(i + k > octets.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63]);
    }
  }
  return text;
}

uint64_t user_in(Mechanism mechanism, std::string_view response) {
  return sasl_user(kKey, mechanism, base64(response));
}

TEST(LoginName, HashesWithoutCase) {
  EXPECT_EQ(user_hash(kKey, "Anna@Example.ORG"), hash_of("anna@example.org"));
  EXPECT_NE(user_hash(kKey, "anna"), user_hash(kKey, "annas"));
  EXPECT_NE(user_hash(kKey, "anna"), user_hash({3, 4}, "anna")) << "it depends on the key";
  EXPECT_EQ(user_hash(kKey, "M\xdcller"), hash_of("m\xdcller")) << "ASCII letters only";
  EXPECT_NE(user_hash(kKey, ""), 0U);
}

std::optional<std::string> owner_in(Mechanism mechanism, std::string_view response) {
  return user_of_response(mechanism, base64(response));
}

TEST(LoginName, AsItIsWrittenIsThatOfTheMailbox) {
  EXPECT_EQ(owner_in(Mechanism::Plain, "\0Anna\0sesame"s), "Anna");
  EXPECT_EQ(owner_in(Mechanism::Plain, "anna\0admin\0sesame"s), "anna");
  EXPECT_EQ(owner_in(Mechanism::Login, "anna"), "anna");
  EXPECT_EQ(owner_in(Mechanism::External, "anna"), "anna");
  EXPECT_EQ(owner_in(Mechanism::XOAuth2, "user=anna\1auth=Bearer x\1\1"), "anna");
  EXPECT_EQ(owner_in(Mechanism::OAuthBearer, "n,a=anna,\1auth=Bearer x\1\1"), "anna");
  EXPECT_EQ(owner_in(Mechanism::ScramSha1, "n,,n=anna,r=x"), "anna");
  EXPECT_EQ(owner_in(Mechanism::ScramSha256, "y,a=an=2Cna,n=admin,r=x"), "an,na");
}

TEST(LoginName, AsItIsWrittenIsEmptyWhereThereIsNone) {
  EXPECT_EQ(user_of_response(Mechanism::External, "="), "");
  EXPECT_EQ(owner_in(Mechanism::Login, std::string(kMaxUser + 1, 'a')), "");
  EXPECT_EQ(owner_in(Mechanism::Login, std::string(kMaxUser, 'a'))->size(), kMaxUser);
  EXPECT_FALSE(shows_user_first(Mechanism::CramMd5) || shows_user_first(Mechanism::Gssapi));
}

// Dovecot takes the last `user=` and any `a=` before the first field.
TEST(LoginName, IsNotTakenFromAResponseThatServersReadInTwoWays) {
  EXPECT_EQ(user_of_response(Mechanism::Login, "no base64"), std::nullopt);
  EXPECT_EQ(owner_in(Mechanism::Plain, "anna"), std::nullopt);
  EXPECT_EQ(owner_in(Mechanism::ScramSha1, "n,b=anna,n=anna,r=x"), std::nullopt);
  EXPECT_EQ(owner_in(Mechanism::CramMd5, "anna b913"), std::nullopt);
  for (const char* odd : {"user=carl\1user=anna\1auth=Bearer x\1\1", "auth=Bearer x\1user=anna\1\1",
                          "x=1\1user=anna\1auth=Bearer x\1\1", "user=carl\1\1USER=anna\1auth=x"}) {
    EXPECT_EQ(owner_in(Mechanism::XOAuth2, odd), std::nullopt) << odd;
    EXPECT_EQ(user_in(Mechanism::XOAuth2, odd), 0U) << odd;
  }
  for (const char* odd :
       {"n,a=carl,a=anna,\1auth=x\1\1", "n,a=anna\1auth=x\1\1", "a=anna,\1auth=x\1\1",
        "n,,a=anna,\1auth=x\1\1", "n,a=carl,n,a=anna,\1auth=x\1\1", "n,,\1auth=x\1\1",
        "x,a=anna,\1auth=x\1\1"}) {
    EXPECT_EQ(owner_in(Mechanism::OAuthBearer, odd), std::nullopt) << odd;
    EXPECT_EQ(user_in(Mechanism::OAuthBearer, odd), 0U) << odd;
  }
  EXPECT_EQ(owner_in(Mechanism::XOAuth2, "user=anna\1auth=Bearer user=\1xuser=b\1\1"), "anna");
}

TEST(LoginName, IsReadFromEveryMechanismThatCarriesIt) {
  const uint64_t anna = hash_of("anna");
  EXPECT_EQ(user_in(Mechanism::Plain, "\0anna\0sesame"s), anna);
  EXPECT_EQ(user_in(Mechanism::Plain, "bert\0anna\0sesame"s), anna);
  EXPECT_EQ(user_in(Mechanism::Plain, "\0ANNA\0"s), anna);
  EXPECT_EQ(user_in(Mechanism::Login, "anna"), anna);
  EXPECT_EQ(user_in(Mechanism::Login, "annas"), hash_of("annas"));
  EXPECT_EQ(user_in(Mechanism::Login, "annaaa"), hash_of("annaaa"));
  EXPECT_EQ(user_in(Mechanism::XOAuth2, "user=anna\1auth=Bearer ya29.x\1\1"), anna);
  EXPECT_EQ(user_in(Mechanism::OAuthBearer, "n,a=anna,\1host=x\1port=143\1auth=Bearer y\1\1"),
            anna);
  EXPECT_EQ(user_in(Mechanism::ScramSha1, "n,,n=anna,r=fyko+d2lbbFgONRv9qkxdawL"), anna);
  EXPECT_EQ(user_in(Mechanism::ScramSha256, "y,a=bert,n=anna,r=x"), anna);
  EXPECT_EQ(user_in(Mechanism::ScramSha256, "p=tls-exporter,,n=anna,r=x"), anna);
  EXPECT_EQ(user_in(Mechanism::CramMd5, "anna b913a602c7eda7a495b4e6e7334d3890"), anna);
  EXPECT_EQ(user_in(Mechanism::CramMd5, "an na b913"), hash_of("an na"));
  EXPECT_EQ(user_in(Mechanism::DigestMd5, "charset=utf-8,username=\"anna\",realm=\"x,y\""), anna);
  EXPECT_EQ(user_in(Mechanism::DigestMd5, "realm=\"a,username=bert\", USERNAME=\"an\\na\""), anna);
  EXPECT_EQ(user_in(Mechanism::External, "anna"), anna);
}

TEST(LoginName, IsReadWithItsEscapes) {
  EXPECT_EQ(user_in(Mechanism::ScramSha1, "n,,n=a=2Cb=3Dc,r=x"), hash_of("a,b=c"));
  EXPECT_EQ(user_in(Mechanism::OAuthBearer, "n,a=a=2cb=3dc,\1auth=x\1\1"), hash_of("a,b=c"));
  EXPECT_EQ(user_in(Mechanism::ScramSha1, "n,,n=a=2Db,r=x"), 0U);
  EXPECT_EQ(user_in(Mechanism::ScramSha1, "n,,n=a=2"), 0U);
  EXPECT_EQ(user_in(Mechanism::DigestMd5, "username=\"a\\\"b\""), hash_of("a\"b"));
}

TEST(LoginName, IsUnknownIfTheResponseHasNone) {
  constexpr Mechanism kSilent[] = {Mechanism::Ntlm, Mechanism::Gssapi, Mechanism::Other,
                                   Mechanism::Preauth};
  for (const Mechanism mechanism : kSilent) {
    EXPECT_EQ(user_in(mechanism, "anna"), 0U) << name_of(mechanism);
  }
  EXPECT_EQ(user_in(Mechanism::Plain, "\0anna"s), 0U) << "without a password";
  EXPECT_EQ(user_in(Mechanism::Plain, "\0\0x"s), 0U) << "an empty name";
  EXPECT_EQ(user_in(Mechanism::XOAuth2, "user=anna"), 0U);
  EXPECT_EQ(user_in(Mechanism::XOAuth2, "auth=Bearer x\1user=anna\1\1"), 0U);
  EXPECT_EQ(user_in(Mechanism::OAuthBearer, "n,,\1auth=Bearer x\1\1"), 0U);
  EXPECT_EQ(user_in(Mechanism::ScramSha1, "n,,m=x,n=anna,r=x"), 0U);
  EXPECT_EQ(user_in(Mechanism::CramMd5, "anna"), 0U);
  EXPECT_EQ(user_in(Mechanism::DigestMd5, "realm=\"x\""), 0U);
  EXPECT_EQ(user_in(Mechanism::DigestMd5, "username=\"anna"), 0U);
  for (size_t mechanism = 0; mechanism < kCountOf<Mechanism>; ++mechanism) {
    for (const char* nothing : {"", "="}) {
      EXPECT_EQ(sasl_user(kKey, static_cast<Mechanism>(mechanism), nothing), 0U) << mechanism;
    }
  }
}

TEST(LoginName, IsNotReadFromInvalidBase64) {
  EXPECT_EQ(sasl_user(kKey, Mechanism::Login, "YW5uYQ=="), hash_of("anna"));
  for (const char* bad : {"YW5uYQ=", "YW5uYQ", "YW5uY", "YW5u====", "YW5uY===", "YW5!",
                          "YW=uYQ==", "YW5uYQ==YW5u", "*", "==", "YW5uYQ==\r"}) {
    EXPECT_EQ(sasl_user(kKey, Mechanism::Login, bad), 0U) << bad;
  }
}

TEST(LoginName, MayBeAsLongAsALine) {
  const std::string name(60'000, 'a');
  EXPECT_EQ(user_in(Mechanism::Login, name), hash_of(name));
  EXPECT_EQ(user_in(Mechanism::XOAuth2, "user=anna\1auth=Bearer " + name), hash_of("anna"));
}

// Runs `work` on its own stack and returns the content of that stack afterwards.
std::string stack_after(void (*work)(const std::string&), const std::string& argument) {
  constexpr size_t kStack = 512 * kKiB;
  struct Call {
    void (*work)(const std::string&);
    const std::string& argument;
    void* stack;
    std::string after = {};
  } call{work, argument, aligned_alloc(4096, kStack)};
  const std::unique_ptr<void, void (*)(void*)> owner(call.stack, free);
  memset(call.stack, 0, kStack);
  call.after.resize(kStack);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  EXPECT_EQ(pthread_attr_setstack(&attributes, call.stack, kStack), 0);
  pthread_t thread = {};
  const auto begin = [](void* of) -> void* {
    Call& our = *static_cast<Call*>(of);
    our.work(our.argument);
    memcpy(our.after.data(), our.stack, kStack);  // before the C library gives its pages back
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, begin, &call), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return call.after;
}

TEST(LoginName, LeavesNothingOfThePasswordBehind) {
  const std::string secret = "x7Qz9LmK";
  const std::string response = base64("\0anna\0"s + secret + secret);
  const std::string careless = stack_after(
      [](const std::string& text) {
        volatile char copy[16];
        for (size_t i = 0; i < sizeof copy; ++i) {
          copy[i] = text[i % text.size()];
        }
      },
      secret);
  EXPECT_NE(careless.find(secret), std::string::npos) << "it would be seen";
  const std::string after = stack_after(
      [](const std::string& text) {
        EXPECT_EQ(sasl_user(kKey, Mechanism::Plain, text), hash_of("anna"));
      },
      response);
  EXPECT_EQ(after.find(secret.substr(0, 4)), std::string::npos);
}

bool expired(std::string_view challenge) {
  return says_expired(base64(challenge));
}

TEST(LoginName, KnowsAnExpiredToken) {
  EXPECT_TRUE(expired(R"({"status":"invalid_token","error_description":"The token expired"})"));
  EXPECT_TRUE(expired(R"({"status":"401","schemes":"bearer","error":"ExpiredToken"})"));
  EXPECT_TRUE(expired(R"( { "error" : "invalid_token: TOKEN EXPIRED at \"noon\"" })"));
  EXPECT_TRUE(expired(R"({"status":"token_expired"})"));
}

TEST(LoginName, DoesNotMistakeAWrongTokenForAnExpiredOne) {
  EXPECT_FALSE(expired(R"({"status":"invalid_token","schemes":"bearer","scope":"mail"})"));
  EXPECT_FALSE(expired(R"({"status":"401","schemes":"bearer"})"));
  EXPECT_FALSE(
      expired(R"({"error":"The access token is expired, revoked, malformed, or invalid"})"));
  EXPECT_FALSE(expired(R"({"error":"Token is invalid or has expired"})"));
  EXPECT_FALSE(expired(R"({"error":"invalid/expired token"})"));
  EXPECT_FALSE(expired(R"({"expired":"no"})")) << "a key";
  EXPECT_FALSE(expired(R"({"status":"not_expired"})"));
  EXPECT_FALSE(expired(R"({"status":"the token expired)")) << "cut off";
  EXPECT_FALSE(expired("the token expired"));
  EXPECT_FALSE(expired(""));
  EXPECT_FALSE(says_expired("="));
  EXPECT_FALSE(says_expired("eyJzdGF0dXMiOiJleHBpcmVkI!=="));
  EXPECT_FALSE(expired(R"({"status":"expired", "x":")" + std::string(10'000, 'x') + R"("})"))
      << "no server says that much";
}

}  // namespace
}  // namespace postern::imap

#include "tls/policy.h"

#include <algorithm>
#include <array>
#include <set>

#include "proxy/base/closest_match.h"
#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

bool safe_for_clients(const Suite& suite) {
  return suite.use == SuiteUse::EcdheEcdsa || suite.use == SuiteUse::EcdheRsa;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text.empty() ? "none" : text;
}

template <typename Suits>
std::vector<std::string> suite_names(Suits suits) {
  std::vector<std::string> names;
  for (const Suite& suite : suites()) {
    if (suits(suite)) {
      names.emplace_back(suite.name);
    }
  }
  return names;
}

std::vector<std::string> group_names_built_in() {
  std::vector<std::string> names;
  for (const Group& group : groups()) {
    if (group.built_in) {
      names.emplace_back(group.name);
    }
  }
  return names;
}

// The presets leave out secp521r1: slow, and no client needs it.
std::vector<std::string> preset_groups() {
  std::vector<std::string> names = group_names_built_in();
  std::erase(names, "secp521r1");
  return names;
}

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

// The right name for that of another library, else the one of `allowed` with nearly the same
// spelling.
template <typename Known>
std::string suggestion(const std::string& name, const Known* meant,
                       const std::vector<std::string>& allowed) {
  const std::string* guess = meant == nullptr ? closest_match(name, allowed) : nullptr;
  const char* right = meant != nullptr ? meant->name : guess != nullptr ? guess->c_str() : nullptr;
  return right == nullptr ? "" : "; did you mean " + quoted(right) + "?";
}

void check_cipher(const std::string& name, Faults& faults) {
  const auto allowed = suite_names(safe_for_clients);
  const auto fault = [&](const std::string& why) {
    faults.push_back({"", "cipher " + quoted(name) + why});
  };
  const Suite* suite = find_suite(name);
  if (suite == nullptr) {
    fault(" is unknown" + suggestion(name, suite_meant_by(name), allowed) + "; allowed are " +
          join(allowed));
  } else if (suite->use == SuiteUse::Tls13) {
    fault(" belongs to TLS 1.3, whose suites are always on; remove it here");
  } else if (!safe_for_clients(*suite)) {
    fault(" is not safe for clients; allowed are " + join(allowed));
  }
}

void check_group(const std::string& name, Faults& faults) {
  const auto allowed = group_names_built_in();
  const Group* group = find_group(name);
  if (group == nullptr || !group->built_in) {
    faults.push_back(
        {"", "group " + quoted(name) +
                 (group == nullptr ? " is unknown" + suggestion(name, group_meant_by(name), allowed)
                                   : " is not in the BoringSSL of this build") +
                 "; allowed are " + join(allowed)});
  }
}

void check_repetition(const char* kind, const std::vector<std::string>& names, Faults& faults) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      faults.push_back({"", std::string(kind) + " " + quoted(name) + " is named twice"});
    }
  }
}

}  // namespace

Result<Policy> Policy::preset(std::string_view name) {
  if (name == "modern") {
    return Policy{"modern", Version::Tls13, Version::Tls13, {}, preset_groups()};
  }
  if (name == "intermediate") {
    return Policy{"intermediate", Version::Tls12, Version::Tls13, suite_names(safe_for_clients),
                  preset_groups()};
  }
  return Fault{"",
               "TLS policy " + quoted(std::string(name)) +
                   " is unknown; there are modern (TLS 1.3) and intermediate (TLS 1.2 and 1.3)"};
}

Result<Policy> Policy::custom(Version min_version, const std::vector<std::string>& ciphers,
                              const std::vector<std::string>& groups) {
  Faults faults;
  if (min_version < Version::Tls12) {
    faults.push_back({"", std::string("minimum version ") + name_of(min_version) +
                              " is not safe for clients; allowed are 1.2 and 1.3 (RFC 8996)"});
  }
  for (const std::string& name : ciphers) {
    check_cipher(name, faults);
  }
  check_repetition("cipher", ciphers, faults);
  for (const std::string& name : groups) {
    check_group(name, faults);
  }
  check_repetition("group", groups, faults);
  if (ciphers.empty() && min_version < Version::Tls13) {
    faults.push_back(
        {"", "no cipher is named for TLS 1.2; allowed are " + join(suite_names(safe_for_clients))});
  }
  if (groups.empty()) {
    faults.push_back({"", "no group is named; allowed are " + join(group_names_built_in())});
  }
  if (!faults.empty()) {
    return faults;
  }
  return Policy{"custom", min_version, Version::Tls13, ciphers, groups};
}

Policy Policy::toward_backend(Version min_version) {
  Policy policy{"backend", min_version, Version::Tls13,
                suite_names([](const Suite& suite) { return suite.use != SuiteUse::Tls13; }),
                group_names_built_in()};
  if (min_version < Version::Tls12) {
    // A post-quantum key share makes the ClientHello larger than servers of that age can read.
    std::erase(policy.groups, "X25519MLKEM768");
  }
  return policy;
}

std::string Policy::describe() const {
  std::string text = "versions: ";
  text.append(name_of(min_version));
  if (min_version != max_version) {
    text.append(" to ").append(name_of(max_version));
  }
  if (max_version >= Version::Tls13) {
    text.append("\nTLS 1.3 suites: ").append(join(suite_names([](const Suite& s) {
      return s.use == SuiteUse::Tls13;
    })));
  }
  if (min_version <= Version::Tls12) {
    text.append("\nTLS 1.2 suites: ").append(join(ciphers));
  }
  text.append("\ngroups: ").append(join(groups)).append("\n");
  return text;
}

}  // namespace postern::tls

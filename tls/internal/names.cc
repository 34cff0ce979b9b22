#include "tls/internal/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

#include "proxy/base/bytes.h"

namespace postern::tls {
namespace {

using Names = std::vector<std::string>;

template <typename Take>
void each_name(X509& certificate, Take take) {
  const bssl::UniquePtr<GENERAL_NAMES> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (size_t i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    take(*sk_GENERAL_NAME_value(all.get(), i));
  }
  ERR_clear_error();
}

std::string_view content(const ASN1_STRING* text) {
  return as_text({ASN1_STRING_get0_data(text), static_cast<size_t>(ASN1_STRING_length(text))});
}

}  // namespace

Names dns_names(X509& certificate) {
  Names names;
  each_name(certificate, [&](const GENERAL_NAME& name) {
    if (name.type == GEN_DNS) {
      std::string& text = names.emplace_back(content(name.d.dNSName));
      std::transform(text.begin(), text.end(), text.begin(),
                     [](char c) { return static_cast<char>(OPENSSL_tolower(c)); });
    }
  });
  return names;
}

Names ip_addresses(X509& certificate) {
  Names names;
  each_name(certificate, [&](const GENERAL_NAME& name) {
    if (name.type == GEN_IPADD) {
      const std::string_view octets = content(name.d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      if (octets.size() == 4 || octets.size() == 16) {
        inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text, sizeof text);
        names.emplace_back(text);
      }
    }
  });
  return names;
}

// Empty if there is none, or if a reader could take it for another: one that stops at a NUL must
// not see "admin" where the authority has signed "admin\0.example.org".
std::string common_name(X509& certificate) {
  auto* subject = X509_get_subject_name(&certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) {
    return "";
  }
  uint8_t* octets = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&octets, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  const bssl::UniquePtr<uint8_t> free_octets(octets);
  if (length < 0) {
    ERR_clear_error();
    return "";
  }
  std::string name(as_text({octets, static_cast<size_t>(length)}));
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<uint8_t>(c) >= ' ' && c != '\x7f';
  });
  return plain ? name : "";
}

std::string name_text(X509_NAME& name) {
  const bssl::UniquePtr<BIO> text(BIO_new(BIO_s_mem()));
  const uint8_t* octets = nullptr;
  size_t length = 0;
  if (X509_NAME_print_ex(text.get(), &name, 0, XN_FLAG_RFC2253) < 0 ||
      BIO_mem_contents(text.get(), &octets, &length) != 1) {
    ERR_clear_error();
    return "";
  }
  return std::string(as_text({octets, length}));
}

}  // namespace postern::tls

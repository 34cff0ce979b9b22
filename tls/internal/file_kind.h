// Recognises what a file is that should be PEM and is not, and says how to make PEM of it.
#pragma once

#include <string>
#include <string_view>

namespace postern::tls {

// Words that follow "chain FILE holds no certificate in PEM": "; it is a certificate in DER,
// convert it with …". Empty if the file resembles nothing known.
std::string describe_kind(std::string_view content, const std::string& path);

}  // namespace postern::tls

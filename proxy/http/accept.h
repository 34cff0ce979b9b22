// What a client accepts, by the headers of its request (RFC 9110 §12.5). Pure functions.
#pragma once

#include <string_view>

namespace postern::http {

// The weight of `name` in Accept or Accept-Encoding, in thousandths, in this version if the header
// names one; 0 if it is not there. Several fields of one name are joined by commas.
int weight_in(std::string_view header, std::string_view name, std::string_view version = {});

}  // namespace postern::http

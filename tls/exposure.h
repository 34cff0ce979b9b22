// Whether a file with a secret in it lies open. Set-up only.
#pragma once

#include <string>

namespace postern::tls {

// What follows the file's name, if its mode lets every user of this machine read or change it: "
// can be read by every user …". Empty if it does not, or if the file is not there.
std::string describe_exposure(const std::string& path);

}  // namespace postern::tls

// What of a server's text may stand in a log. A server may name the user in it ("no mailbox for
// anna"), so only words pass that servers use and that are no one's name: the others become "..".
// Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::imap {

// The text after the response code of a server's line, cut; its line end may be missing.
std::string words_of_refusal(std::string_view line);

}  // namespace postern::imap

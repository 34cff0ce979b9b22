// What this machine has of its own: addresses, and ports to connect from. Asks the kernel at each
// call; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/net/address.h"

namespace postern::net {

// Whether a connection can come from this address.
bool is_local(const Address& address);

// How many ports connect(2) may choose from, for each pair of a local address and a peer's address
// with its port; 0 if the system does not say.
size_t local_ports();
// The same from the text of net.ipv4.ip_local_port_range.
size_t local_ports(const std::string& range);

}  // namespace postern::net

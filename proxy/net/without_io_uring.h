// Makes libuv create its loops without io_uring.
//
// libuv 1.50 and later make a ring for each loop, whatever UV_USE_IO_URING says, and end the
// process when the kernel refuses to serve that ring. A confined thread (proxy/process/seccomp.h)
// cannot have it served: io_uring would be a way around the seccomp filter. When the kernel refuses
// the ring itself, libuv goes on without one.
#pragma once

#include <functional>

namespace postern::net {

// Runs `work` on a short-lived thread to which the kernel refuses new rings (ENOSYS), and waits for
// its end. The calling thread, other threads and the programs they start stay as they are: no
// filter and no PR_SET_NO_NEW_PRIVS remains. A kernel that installs no filters, or a container that
// forbids them, lets `work` have its ring; then no thread can be confined either.
// Call it from any thread that is not confined. Throws std::system_error if no thread can be
// started.
void without_io_uring(const std::function<void()>& work);

}  // namespace postern::net

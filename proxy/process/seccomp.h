// Seccomp: a filter takes from each worker thread everything that serving does not need, because
// workers read what strangers send. They can open no file, start no program or thread and make no
// memory executable; they reach sockets of IPv4 and IPv6 only, and no other process.
//
// The main thread is not confined: it reads files at paths that a reload names, and starts the new
// program of an upgrade. Nor are libuv's threads, which look names up, because name service modules
// may need anything. (Landlock would leave the workers more than this does: they need no files at
// all.)
#pragma once

namespace postern {

// Confines the calling thread, for good. False, with nothing changed, if the kernel has no seccomp,
// or if a sanitizer is built in, whose runtime needs more. From then on, starting a program or
// tracing a process kills the whole process, because postern's own code does neither there. Any
// other forbidden call fails with ENOSYS.
bool install_seccomp_filter();

}  // namespace postern

// Seccomp: what a worker's thread can still ask of the kernel. The workers are the threads that
// read what strangers send, so they lose, by a seccomp filter of their own, all that serving takes
// not: they open no file, start no program or thread, make no memory executable, reach sockets of
// IPv4 and IPv6 only, and touch no other process.
//
// The main thread is not confined: it reads files in places that a reload names, and starts the new
// program of an upgrade. Neither are libuv's threads that look names up, because name service
// modules may need anything. (Landlock would leave the workers more than this does: they need no
// files at all.)
#pragma once

namespace postern {

// Of the calling thread, for good. False if the kernel has no seccomp, or a sanitizer is built in,
// whose runtime needs more; then nothing has changed. Starting a program or tracing a process ends
// the whole process from now on: it is not postern any more that does that. Whatever else is not
// allowed fails with ENOSYS.
bool install_seccomp_filter();

}  // namespace postern

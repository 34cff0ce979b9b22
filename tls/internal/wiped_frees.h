// WipedFrees: while one lives, what this program's own objects and static libraries free on its
// thread is overwritten first. BoringSSL decrypts a record in a buffer of malloc()'s and frees it
// as it is ("doesn't contain any sensitive data", ssl_buffer.cc); before a login it holds a
// password. The linker leads their calls of free() here (--wrap=free, tls/CMakeLists.txt).
#pragma once

namespace postern::tls {

class WipedFrees {
 public:
  WipedFrees();
  ~WipedFrees();
  WipedFrees(const WipedFrees&) = delete;
  WipedFrees& operator=(const WipedFrees&) = delete;
};

}  // namespace postern::tls

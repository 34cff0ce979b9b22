#include "proxy/net/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/failure.h"

namespace postern::net {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    all.push_back(const_cast<char*>(text.c_str()));  // uv_spawn() does not write to it
  }
  all.push_back(nullptr);
  return all;
}

std::vector<uv_stdio_container_t> descriptors(const ChildPlan& plan, int pipe) {
  std::vector<int> fds{0, 1, 2};
  fds.insert(fds.end(), plan.descriptors.begin(), plan.descriptors.end());
  fds.push_back(pipe);
  std::vector<uv_stdio_container_t> all;
  for (const int fd : fds) {
    uv_stdio_container_t& entry = all.emplace_back();
    entry.flags = UV_INHERIT_FD;
    entry.data.fd = fd;
  }
  return all;
}

}  // namespace

struct Child::Handle {
  uv_process_t process{};
  uv_poll_t poll{};
  int pipe = -1;  // on which the child reports that it is ready
  int pid = 0;
  ChildObserver* observer = nullptr;  // null once notified, or forgotten
  int handles = 0;                    // of libuv's, not closed yet

  void listen(Loop& loop) {
    check(uv_poll_init(loop.uv(), &poll, pipe) == 0, "a pipe can be watched");
    poll.data = this;
    ++handles;
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll));
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* uv, int, int) noexcept {
      static_cast<Handle*>(uv->data)->heard();
    });
  }
  // The pipe's end alone means nothing: on_exit() reports why the child ended.
  void heard() {
    char word = 0;
    const bool ready = read(pipe, &word, 1) == 1;
    uv_poll_stop(&poll);
    if (ready && observer != nullptr) {
      std::exchange(observer, nullptr)->on_child_ready();
    }
  }
  void exited(int64_t status, int signal) {
    pid = 0;
    if (observer != nullptr) {
      std::exchange(observer, nullptr)->on_child_lost(status, signal);
    }
  }
  void close() {
    observer = nullptr;
    const auto on_closed = [](uv_handle_t* uv) noexcept {
      auto* handle = static_cast<Handle*>(uv->data);
      if (--handle->handles == 0) {
        ::close(handle->pipe);
        delete handle;
      }
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&process), on_closed);
  }
};

Result<std::unique_ptr<Child>> Child::start(Loop& loop, const ChildPlan& plan,
                                            ChildObserver& observer) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    return Fault{plan.file, net_error(uv_translate_sys_error(errno), "").text()};
  }
  auto* handle = new Handle;
  handle->pipe = pipe[0];
  handle->observer = &observer;
  handle->process.data = handle;
  handle->listen(loop);
  std::vector<char*> arguments = pointers(plan.arguments);
  std::vector<char*> environment = pointers(plan.environment);
  std::vector<uv_stdio_container_t> stdio = descriptors(plan, pipe[1]);
  uv_process_options_t options{};
  options.file = plan.file.c_str();
  options.args = arguments.data();
  options.env = environment.data();
  options.stdio = stdio.data();
  options.stdio_count = static_cast<int>(stdio.size());
  options.exit_cb = [](uv_process_t* uv, int64_t status, int signal) noexcept {
    static_cast<Handle*>(uv->data)->exited(status, signal);
  };
  const int failure = uv_spawn(loop.uv(), &handle->process, &options);
  ::close(pipe[1]);
  ++handle->handles;  // even if it failed, the handle has to be closed
  if (failure != 0) {
    handle->close();
    return Fault{plan.file, net_error(failure, "").text()};
  }
  handle->pid = handle->process.pid;
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle->process));
  return std::unique_ptr<Child>(new Child(handle));
}

Child::~Child() {
  handle_->close();
}

int Child::pid() const {
  return handle_->pid;
}

void Child::forget() {
  handle_->observer = nullptr;
}

void Child::signal(int number) {
  if (handle_->pid != 0) {
    uv_kill(handle_->pid, number);
  }
}

}  // namespace postern::net

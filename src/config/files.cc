#include "config/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace mainstay::config {
namespace {

Error CannotRead(std::string why) {
  return Error{.kind = ErrorKind::kNotFound, .side = Side::kGateway, .message = std::move(why)};
}

Error FromErrno(int code) {
  if (code == ENOENT || code == ENOTDIR) {
    return CannotRead("does not exist");
  }
  return CannotRead("cannot be read: " + std::string(std::strerror(code)));
}

class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Result<std::string> ReadFileFromDisk(const std::string& path, size_t bytes_max) {
  // Opening a pipe must not wait for somebody who writes to it; reading it may.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) {
    return FromErrno(errno);
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0) {
    return FromErrno(errno);
  }
  if (S_ISDIR(status.st_mode)) {
    return CannotRead("is a directory");
  }
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return CannotRead("is neither a file nor a pipe");
  }
  if (::fcntl(file.get(), F_SETFL, 0) != 0) {
    return FromErrno(errno);
  }
  std::string text;
  std::array<char, 16'384> buffer;
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return FromErrno(errno);
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > bytes_max) {
      return CannotRead("is over " + std::to_string(bytes_max) + " bytes");
    }
  }
}

}  // namespace mainstay::config

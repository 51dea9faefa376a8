#include "http/io/socket_probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "http/io/socket_address.h"
#include "http/url.h"

namespace mainstay::io {

Result<void> CheckAddressIsFree(const std::string& address) {
  MS_TRY(const http::ListenAddress parsed, http::ParseListenAddress(address));
  if (parsed.kind == http::ListenAddress::Kind::kUnix || parsed.port == 0) {
    return {};
  }
  SocketAddress bound;
  MS_CHECK(MakeSocketAddress(parsed, bound));
  const int fd = ::socket(bound.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  // Old connections in TIME_WAIT do not make an address taken.
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int failed = ::bind(fd, reinterpret_cast<const sockaddr*>(&bound.storage), bound.size);
  const int reason = errno;
  ::close(fd);
  if (failed != 0) {
    return Error{.kind = ErrorKind::kInternal,
                 .message = "cannot listen on " + address + ": " + std::strerror(reason)};
  }
  return {};
}

}  // namespace mainstay::io

#include "http/io/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace mainstay::io {

bool MakeSocketAddress(std::string_view host, uint16_t port, SocketAddress& out) {
  const std::string text(host);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
    return true;
  }
  return false;
}

bool MakeSocketAddress(const http::ListenAddress& address, SocketAddress& out) {
  if (address.kind == http::ListenAddress::Kind::kTcp) {
    return MakeSocketAddress(address.host, address.port, out);
  }
  auto* local = reinterpret_cast<sockaddr_un*>(&out.storage);
  if (address.path.size() >= sizeof local->sun_path) {
    return false;
  }
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, address.path.c_str(), address.path.size() + 1);
  out.size = sizeof *local;
  return true;
}

}  // namespace mainstay::io

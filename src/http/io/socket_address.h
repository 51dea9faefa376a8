#pragma once

#include <sys/socket.h>

#include <string_view>

#include "http/url.h"

namespace mainstay::io {

// An address in the system's form.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// A literal IPv4 or IPv6 address with a port. False: `host` is a name.
bool MakeSocketAddress(std::string_view host, uint16_t port, SocketAddress& out);

// A listen address; false when its host is no literal address, or a path is too long.
bool MakeSocketAddress(const http::ListenAddress& address, SocketAddress& out);

}  // namespace mainstay::io

#include "http/options.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "http/url.h"

namespace mainstay::http {
namespace {

void CheckListen(const std::vector<std::string>& listen, const std::string& path,
                 Problems& problems) {
  if (listen.empty()) {
    problems.Add(path, "must name at least one address");
  }
  std::map<std::string, std::string> first;
  for (size_t i = 0; i < listen.size(); ++i) {
    const std::string at = listen.size() == 1 ? path : At(path, i);
    const Result<ListenAddress> address = ParseListenAddress(listen[i]);
    if (!address) {
      problems.Add(at, address.error().message);
      continue;
    }
    if (address->kind == ListenAddress::Kind::kTcp && address->port == 0) {
      problems.Add(at, "must name a port: with port 0 every worker would get another one");
      continue;
    }
    const auto [place, is_first] = first.emplace(address->ToString(), at);
    if (!is_first) {
      problems.Add(at, "is the same address as " + place->second);
    }
  }
}

void CheckTls(const TlsOptions& tls, const std::string& path, Problems& problems) {
  if (!tls.cert_file.empty() && tls.key_file.empty()) {
    problems.Add(Under(path, "key_file"), "is missing; cert_file needs it");
  }
  if (tls.cert_file.empty() && !tls.key_file.empty()) {
    problems.Add(Under(path, "cert_file"), "is missing; key_file needs it");
  }
  if (tls.cert_file.empty() && tls.key_file.empty() && !tls.client_ca_file.empty()) {
    problems.Add(Under(path, "cert_file"), "is missing; client_ca_file needs it");
  }
}

void CheckLimits(const Limits& limits, const std::string& path, Problems& problems) {
  const struct {
    std::string_view key;
    int64_t value;
    int64_t min;
  } rows[] = {
      {"body_bytes", limits.body_bytes, 1},
      {"header_bytes", limits.header_bytes, 256},
      {"connections", limits.connections, 1},
      {"header_timeout_ms", limits.header_timeout.count(), 1},
      {"body_timeout_ms", limits.body_timeout.count(), 1},
      {"idle_timeout_ms", limits.idle_timeout.count(), 1},
      {"stream_buffer_bytes", limits.stream_buffer_bytes, 4'096},
  };
  for (const auto& row : rows) {
    if (row.value < row.min) {
      problems.Add(Under(path, row.key), "must be at least " + std::to_string(row.min));
    }
  }
}

bool IsAnyOf(std::string_view text, std::string_view marks) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

// Browsers write scheme and host in lower case, no default port and nothing behind it. What differs
// from that would be compared in vain.
std::string_view OriginProblem(std::string_view origin) {
  const size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0) {
    return "must be scheme://host, scheme://host:port or \"*\"";
  }
  const std::string_view scheme = origin.substr(0, scheme_end);
  const std::string_view host = origin.substr(scheme_end + 3);
  if (host.find('*') != std::string_view::npos) {
    return "must name one origin; only \"*\" alone stands for others";
  }
  if (host.find('/') != std::string_view::npos) {
    return "must end behind the host or port; an origin has no path";
  }
  if (host.empty() || !IsAnyOf(scheme, "+-.") || !IsAnyOf(host, "-._:[]")) {
    return "must be scheme://host or scheme://host:port in lower case, as browsers send it";
  }
  if ((scheme == "http" && host.ends_with(":80")) ||
      (scheme == "https" && host.ends_with(":443"))) {
    return "must not name the scheme's own port; browsers leave it out";
  }
  return {};
}

void CheckCors(const std::vector<std::string>& origins, const std::string& path,
               Problems& problems) {
  for (size_t i = 0; i < origins.size(); ++i) {
    const std::string at = origins.size() == 1 ? path : At(path, i);
    if (origins[i] == "*") {
      if (origins.size() > 1) {
        problems.Add(at, "must stand alone: it allows every origin");
      }
      continue;
    }
    if (const std::string_view problem = OriginProblem(origins[i]); !problem.empty()) {
      problems.Add(at, std::string(problem));
    }
  }
}

}  // namespace

void Validate(const ServerOptions& options, std::string_view path, Problems& problems) {
  CheckListen(options.listen, Under(path, "listen"), problems);
  CheckTls(options.tls, Under(path, "tls"), problems);
  CheckLimits(options.limits, Under(path, "limits"), problems);
  if (options.drain_timeout.count() < 0) {
    problems.Add(Under(path, "drain_timeout_ms"), "must be at least 0");
  }
  CheckCors(options.cors, Under(path, "cors"), problems);
}

}  // namespace mainstay::http

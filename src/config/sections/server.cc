#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

const Table<http::TlsOptions>& TlsTable() {
  using S = http::TlsOptions;
  static const Table<S> table =
      Table<S>()
          .Key("cert_file", &S::cert_file, ReadableFile(),
               "Certificate chain of the data listener, PEM. Needs `key_file`. Absent: plain HTTP.")
          .Key("key_file", &S::key_file, ReadableFile(), "Private key of the certificate, PEM.")
          .Key("client_ca_file", &S::client_ca_file, ReadableFile(),
               "When given, clients must show a certificate of one of these authorities.");
  return table;
}

const Table<http::Limits>& LimitsTable() {
  using S = http::Limits;
  static const Table<S> table =
      Table<S>()
          .Key("body_bytes", &S::body_bytes, Integer({.min = 1, .max = int64_t{1} << 31}),
               "Longest request body. A longer one is answered with 413.")
          .Key("header_bytes", &S::header_bytes, Integer({.min = 256, .max = 16 << 20}),
               "Longest request line and headers together. More is answered with 431.")
          .Key("connections", &S::connections, Integer({.min = 1, .max = 10'000'000}),
               "Most client connections at a time, over all workers.")
          .Key("header_timeout_ms", &S::header_timeout, Milliseconds({.min = 1}),
               "From the first byte of a request to the end of its headers.")
          .Key("body_timeout_ms", &S::body_timeout, Milliseconds({.min = 1}),
               "From the end of the headers to the end of the body.")
          .Key("idle_timeout_ms", &S::idle_timeout, Milliseconds({.min = 1}),
               "How long a connection may be quiet between two requests.")
          .Key("stream_buffer_bytes", &S::stream_buffer_bytes,
               Integer({.min = 4'096, .max = int64_t{1} << 32}),
               "Most bytes of a stream that are held for a slow reader or an unfinished event.");
  return table;
}

}  // namespace

const Table<gateway::Options>& ServerTable() {
  using S = gateway::Options;
  static const Table<S> table =
      Table<S>()
          .Key(
              "listen", [](auto& o) -> auto& { return o.server.listen; },
              ListOf(Text(Empty::kRefused), OneItem::kMayStandAlone),
              "Addresses of the data listener: `host:port`, `[v6]:port` or `unix:/path`.")
          .Key("admin_listen", &S::admin_listen, Text(Empty::kRefused),
               "Address of the operator API and the metrics.")
          .Key("admin_token", &S::admin_token, SecretText(),
               "Bearer token of the operator API. Required unless `admin_listen` is on loopback.",
               {.excludes = "admin_token_file"})
          .Key("admin_token_file", &S::admin_token, SecretFile(), "File that holds `admin_token`.",
               {.effective = Effective::kLeftOut, .excludes = "admin_token"})
          .Key("workers", &S::workers, Integer({.min = 0, .max = 1'024}),
               "Event-loop threads. 0: one for each CPU.")
          .Key(
              "tls", [](auto& o) -> auto& { return o.server.tls; }, Section(TlsTable()),
              "TLS on the data listener.")
          .Key(
              "limits", [](auto& o) -> auto& { return o.server.limits; }, Section(LimitsTable()),
              "What clients may take.")
          .Key(
              "drain_timeout_ms", [](auto& o) -> auto& { return o.server.drain_timeout; },
              Milliseconds({.min = 0}),
              "How long running requests may take after SIGTERM before they are cut.")
          .Key(
              "cors", [](auto& o) -> auto& { return o.server.cors; },
              ListOf(Text(Empty::kRefused), OneItem::kMayStandAlone),
              "Origins whose pages may use the data listener from a browser, as "
              "`https://chat.example.com`; `\"*\"`: every page. Empty: none.")
          .Key("allow_anonymous", &S::allow_anonymous, Boolean(),
               "Serve clients without a key, although the data listener is not on loopback.");
  return table;
}

}  // namespace mainstay::config

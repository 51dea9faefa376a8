#include "http/io/tls.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "http/io/epoll_loop.h"
#include "http/io/testing/certificates.h"
#include "http/io/testing/stream_world.h"

namespace mainstay::io {
namespace {

using namespace std::chrono_literals;
using testing::CertificateFiles;
using testing::ReadAll;
using testing::ReadExactly;
using testing::ReadOutcome;
using testing::TestAuthority;
using testing::WriteAll;

// Everything a handshake depends on; the defaults succeed.
struct HandshakeCase {
  const char* name;
  const char* certificate_names = "DNS:localhost";
  const char* dialled = "localhost";
  int64_t valid_from_s = -3'600;
  int64_t valid_until_s = 3'600;
  bool client_knows_authority = true;
  bool authority_is_systems = false;  // found by SSL_CERT_FILE instead of ca_file
  bool client_wanted = false;         // the server asks for a client's certificate
  const char* client_shows = "";      // "", "right" or "wrong" authority
  int client_version_max = 0;
  int server_version_max = 0;
  const char* client_protocols = "";     // in place of ours, as ALPN puts it
  DialError want = DialError::kRefused;  // kRefused stands for success
  const char* want_detail = "";
  bool server_serves = true;  // whether the server's side gets to read
};

constexpr DialError kWorks = DialError::kRefused;

const HandshakeCase kHandshakes[] = {
    {.name = "good"},
    {.name = "wildcard", .certificate_names = "DNS:*.a.localhost", .dialled = "api.a.localhost"},
    {.name = "authority_of_the_system", .authority_is_systems = true},
    {.name = "trailing_dot", .dialled = "localhost."},
    {.name = "upper_case", .dialled = "LocalHost"},
    {.name = "ip_address", .certificate_names = "IP:127.0.0.1", .dialled = "127.0.0.1"},
    {.name = "ip_address_that_is_only_a_name",
     .certificate_names = "DNS:127.0.0.1",
     .dialled = "127.0.0.1",
     .want = DialError::kTls,
     .want_detail = "IP address mismatch"},
    {.name = "wrong_host",
     .certificate_names = "DNS:example.com",
     .want = DialError::kTls,
     .want_detail = "hostname mismatch"},
    {.name = "wildcard_is_one_label",
     .certificate_names = "DNS:*.a.localhost",
     .dialled = "api.b.a.localhost",
     .want = DialError::kTls,
     .want_detail = "hostname mismatch"},
    {.name = "partial_wildcard",
     .certificate_names = "DNS:ap*.a.localhost",
     .dialled = "api.a.localhost",
     .want = DialError::kTls,
     .want_detail = "hostname mismatch"},
    {.name = "expired",
     .valid_from_s = -7'200,
     .valid_until_s = -3'600,
     .want = DialError::kTls,
     .want_detail = "certificate has expired"},
    {.name = "not_yet_valid",
     .valid_from_s = 3'600,
     .valid_until_s = 7'200,
     .want = DialError::kTls,
     .want_detail = "certificate is not yet valid"},
    {.name = "unknown_authority",
     .client_knows_authority = false,
     .want = DialError::kTls,
     .want_detail = "unable to get local issuer certificate"},
    {.name = "client_speaks_tls_1_2", .client_version_max = TLS1_2_VERSION},
    {.name = "server_speaks_tls_1_2", .server_version_max = TLS1_2_VERSION},
    {.name = "client_speaks_tls_1_1",
     .client_version_max = TLS1_1_VERSION,
     .want = DialError::kTls,
     .want_detail = "protocol version",
     .server_serves = false},
    {.name = "server_speaks_tls_1_1",
     .server_version_max = TLS1_1_VERSION,
     .want = DialError::kTls,
     .want_detail = "protocol",
     .server_serves = false},
    {.name = "client_offers_only_h2",
     .client_protocols = "\2h2",
     .want = DialError::kTls,
     .want_detail = "no application protocol",
     .server_serves = false},
    {.name = "client_offers_h2_first", .client_protocols = "\2h2\10http/1.1"},
    {.name = "client_certificate", .client_wanted = true, .client_shows = "right"},
    {.name = "client_certificate_that_nobody_wants", .client_shows = "right"},
    // With TLS 1.3 the client learns of the refusal after its own handshake has ended.
    {.name = "client_certificate_missing", .client_wanted = true, .server_serves = false},
    {.name = "client_certificate_of_another_authority",
     .client_wanted = true,
     .client_shows = "wrong",
     .server_serves = false},
    {.name = "client_certificate_missing_tls_1_2",
     .client_wanted = true,
     .client_version_max = TLS1_2_VERSION,
     .want = DialError::kTls,
     .want_detail = "handshake failure",
     .server_serves = false},
};

void PrintTo(const HandshakeCase& row, std::ostream* out) {
  *out << row.name;
}

class HandshakeTest : public ::testing::TestWithParam<HandshakeCase> {
 protected:
  void SetUp() override {
    // Besides what it tests, this saves reading the real authorities, which takes long.
    const bool systems = GetParam().authority_is_systems;
    ::setenv("SSL_CERT_FILE", (systems ? authority_ : other_).file().c_str(), 1);
    ::setenv("SSL_CERT_DIR", "", 1);
  }
  void TearDown() override {
    ::unsetenv("SSL_CERT_FILE");
    ::unsetenv("SSL_CERT_DIR");
  }
  void MakeServer() {
    const HandshakeCase& row = GetParam();
    const CertificateFiles files =
        authority_.Issue("server", {.alternative_names = row.certificate_names,
                                    .valid_from_s = row.valid_from_s,
                                    .valid_until_s = row.valid_until_s});
    auto made =
        TlsServerContext::Make({.cert_file = files.certificate,
                                .key_file = files.key,
                                .client_ca_file = row.client_wanted ? authority_.file() : ""});
    ASSERT_TRUE(made) << made.error().message;
    server_ = std::move(made).value();
    Limit(server_->native(), row.server_version_max);
  }
  void MakeClient() {
    const HandshakeCase& row = GetParam();
    const bool by_file = row.client_knows_authority && !row.authority_is_systems;
    auto made = TlsClientContext::Make(
        {.ca_file = by_file ? authority_.file() : "", .system = SystemTrust::kBundle});
    ASSERT_TRUE(made) << made.error().message;
    client_ = std::move(made).value();
    Limit(client_->native(), row.client_version_max);
    const std::string protocols = row.client_protocols;
    if (!protocols.empty()) {
      SSL_CTX_set_alpn_protos(client_->native(),
                              reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned>(protocols.size()));
    }
    const std::string shows = row.client_shows;
    if (!shows.empty()) {
      const CertificateFiles files = (shows == "right" ? authority_ : other_).Issue("client", {});
      SSL_CTX_use_certificate_chain_file(client_->native(), files.certificate.c_str());
      SSL_CTX_use_PrivateKey_file(client_->native(), files.key.c_str(), SSL_FILETYPE_PEM);
    }
  }
  static void Limit(SSL_CTX* context, int version_max) {
    if (version_max != 0) {
      SSL_CTX_set_max_proto_version(context, version_max);
      if (version_max < TLS1_2_VERSION) {
        // A peer that is as old as this, which our own contexts cannot be made to be otherwise.
        SSL_CTX_set_min_proto_version(context, version_max);
        SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0");
      }
    }
  }

  testing::TemporaryFolder folder_;
  TestAuthority authority_{folder_, "authority"};
  TestAuthority other_{folder_, "other"};
  std::unique_ptr<TlsServerContext> server_;
  std::unique_ptr<TlsClientContext> client_;
};

INSTANTIATE_TEST_SUITE_P(Table, HandshakeTest, ::testing::ValuesIn(kHandshakes),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(HandshakeTest, EndsAsTheRowSays) {
  const HandshakeCase& row = GetParam();
  MakeServer();
  MakeClient();
  EpollLoop loop;
  testing::Accepted accepted(loop);
  auto listener = loop.Listen({.host = "127.0.0.1"}, accepted, server_.get());
  ASSERT_TRUE(listener) << listener.error().message;
  const Peer peer{.host = row.dialled, .port = (*listener)->port(), .tls = client_.get()};
  DialResult dialled;
  ReadOutcome served;
  testing::Runner(loop).Run({
      [&]() -> Task<void> {
        CancelScope scope;
        dialled = co_await loop.Dial(peer, loop.now() + 5s, scope);
        if (dialled.stream) {
          (void)co_await WriteAll(*dialled.stream, "hello");
          (void)co_await ReadAll(*dialled.stream);
        }
      },
      [&]() -> Task<void> {
        const std::unique_ptr<Stream> stream = co_await accepted.Next();
        served = co_await ReadExactly(*stream, 5);
      },
  });
  EXPECT_EQ(dialled.stream != nullptr, row.want == kWorks) << dialled.detail;
  if (row.want != kWorks) {
    EXPECT_EQ(dialled.error, row.want);
    EXPECT_NE(dialled.detail.find(row.want_detail), std::string::npos) << dialled.detail;
  }
  const bool serves = row.want == kWorks && row.server_serves;
  EXPECT_EQ(served.bytes, serves ? "hello" : "");
  if (!serves) {
    EXPECT_EQ(served.status, IoStatus::kReset);
  }
  EXPECT_EQ(ERR_peek_error(), 0U) << "errors of one connection must not reach the next";
}

struct ContextCase {
  const char* name;
  const char* cert = "server.pem";
  const char* key = "server.key";
  const char* client_ca = "";
  const char* want;  // part of the message
};

TEST(TlsContextTest, SaysWhichFileIsWrong) {
  const testing::TemporaryFolder folder;
  const TestAuthority authority(folder, "authority");
  (void)authority.Issue("server", {});
  (void)authority.Issue("other", {});
  std::ofstream(folder.File("garbage")) << "no PEM\n";
  std::ofstream(folder.File("encrypted.key"))
      << "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
  const ContextCase cases[] = {
      {.name = "good", .want = ""},
      {.name = "cert_missing", .cert = "nowhere", .want = "cert_file"},
      {.name = "cert_missing_reason", .cert = "nowhere", .want = "No such file"},
      {.name = "cert_is_garbage", .cert = "garbage", .want = "no start line"},
      {.name = "key_missing", .key = "nowhere", .want = "key_file"},
      {.name = "key_is_garbage", .key = "garbage", .want = "key_file"},
      {.name = "key_is_encrypted", .key = "encrypted.key", .want = "key_file"},
      {.name = "key_of_another", .key = "other.key", .want = "is not the key of the certificate"},
      {.name = "client_ca_missing", .client_ca = "nowhere", .want = "client_ca_file"},
      {.name = "client_ca_is_garbage", .client_ca = "garbage", .want = "client_ca_file"},
  };
  for (const ContextCase& row : cases) {
    const std::string ca = row.client_ca;
    const auto made = TlsServerContext::Make({.cert_file = folder.File(row.cert),
                                              .key_file = folder.File(row.key),
                                              .client_ca_file = ca.empty() ? "" : folder.File(ca)});
    const std::string want = row.want;
    if (want.empty()) {
      EXPECT_TRUE(made) << row.name << ": " << made.error().message;
    } else {
      ASSERT_FALSE(made) << row.name;
      EXPECT_NE(made.error().message.find(want), std::string::npos)
          << row.name << ": " << made.error().message;
    }
    EXPECT_EQ(ERR_peek_error(), 0U) << row.name;
  }
  const auto client = TlsClientContext::Make({.ca_file = folder.File("nowhere")});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("nowhere: No such file"), std::string::npos)
      << client.error().message;
}

// A pair of plain TCP on one side and TLS on the other, for what no TLS library would send.
class TlsWireTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("SSL_CERT_FILE", authority_.file().c_str(), 1);
    ::setenv("SSL_CERT_DIR", "", 1);
    const CertificateFiles files =
        authority_.Issue("server", {.alternative_names = "IP:127.0.0.1"});
    auto server = TlsServerContext::Make({.cert_file = files.certificate, .key_file = files.key});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(server).value();
    auto client = TlsClientContext::Make({.system = SystemTrust::kBundle});
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(client).value();
    ::unsetenv("SSL_CERT_FILE");
    ::unsetenv("SSL_CERT_DIR");
  }

  testing::TemporaryFolder folder_;
  TestAuthority authority_{folder_, "authority"};
  std::unique_ptr<TlsServerContext> server_;
  std::unique_ptr<TlsClientContext> client_;
  EpollLoop loop_;
  testing::Accepted accepted_{loop_};
};

TEST_F(TlsWireTest, PlainHttpToATlsListenerIsAReset) {
  auto listener = loop_.Listen({.host = "127.0.0.1"}, accepted_, server_.get());
  ASSERT_TRUE(listener);
  const Peer peer{.host = "127.0.0.1", .port = (*listener)->port()};
  testing::Runner(loop_).Run({[&]() -> Task<void> {
    CancelScope scope;
    const DialResult dialled = co_await loop_.Dial(peer, kNever, scope);
    EXPECT_EQ(co_await WriteAll(*dialled.stream, "GET / HTTP/1.1\r\n\r\n"), IoStatus::kOk);
    const std::unique_ptr<Stream> stream = co_await accepted_.Next();
    const ReadOutcome read = co_await ReadAll(*stream);
    EXPECT_EQ(read.status, IoStatus::kReset);
    EXPECT_NE(static_cast<TlsStream&>(*stream).failure(), "");
    char byte = 0;
    EXPECT_EQ(stream->TryRead(&byte, 1).status, IoStatus::kReset);
    const iovec piece = testing::Piece("x");
    EXPECT_EQ(stream->TryWrite(&piece, 1).status, IoStatus::kReset);
  }});
}

TEST_F(TlsWireTest, AConnectionThatEndsWithoutSayingSoIsAReset) {
  // A relay of plain bytes between two TLS ends, which cuts the connection.
  auto tls_listener = loop_.Listen({.host = "127.0.0.1"}, accepted_, server_.get());
  ASSERT_TRUE(tls_listener);
  testing::Accepted relayed(loop_);
  auto relay_listener = loop_.Listen({.host = "127.0.0.1"}, relayed);
  ASSERT_TRUE(relay_listener);
  const Peer behind{.host = "127.0.0.1", .port = (*tls_listener)->port()};
  const Peer front{.host = "127.0.0.1", .port = (*relay_listener)->port(), .tls = client_.get()};
  std::unique_ptr<Stream> a;
  std::unique_ptr<Stream> b;
  std::unique_ptr<Stream> server;
  bool cut = false;
  const auto copy = [&](Stream& from, Stream& to) -> Task<void> {
    char bytes[4096];
    while (!cut) {
      const IoResult read = from.TryRead(bytes, sizeof bytes);
      if (read.status == IoStatus::kOk) {
        EXPECT_EQ(co_await WriteAll(to, {bytes, read.bytes}), IoStatus::kOk);
      } else {
        (void)co_await from.Wait(Ready::kRead, loop_.now() + 2ms);
      }
    }
  };
  testing::Runner(loop_).Run({
      [&]() -> Task<void> {
        CancelScope scope;
        DialResult dialled = co_await loop_.Dial(front, kNever, scope);
        EXPECT_TRUE(dialled.stream != nullptr) << dialled.detail;
        EXPECT_EQ((co_await ReadExactly(*dialled.stream, 7)).bytes, "partial");
        cut = true;
        const ReadOutcome read = co_await ReadAll(*dialled.stream);
        EXPECT_EQ(read.status, IoStatus::kReset);
        // Without being asked to write, this side has noticed nothing but the end of the socket.
        EXPECT_TRUE(dialled.stream->hung_up());
      },
      [&]() -> Task<void> {
        CancelScope scope;
        a = co_await relayed.Next();
        DialResult dialled = co_await loop_.Dial(behind, kNever, scope);
        b = std::move(dialled.stream);
        server = co_await accepted_.Next();
        EXPECT_EQ(co_await WriteAll(*server, "partial"), IoStatus::kOk);
      },
      [&]() -> Task<void> {
        co_await testing::Until(loop_, [&] { return a != nullptr && b != nullptr; });
        co_await copy(*a, *b);
        a->FinishWriting();
      },
      [&]() -> Task<void> {
        co_await testing::Until(loop_, [&] { return a != nullptr && b != nullptr; });
        co_await copy(*b, *a);
      },
  });
}

TEST_F(TlsWireTest, AHandshakeThatNobodyAnswersEndsAtTheDeadlineOrWhenCancelled) {
  // A plain listener takes the connection and says nothing.
  auto listener = loop_.Listen({.host = "127.0.0.1"}, accepted_);
  ASSERT_TRUE(listener);
  const Peer peer{.host = "127.0.0.1", .port = (*listener)->port(), .tls = client_.get()};
  testing::Runner(loop_).Run({[&]() -> Task<void> {
    CancelScope scope;
    const DialResult dialled = co_await loop_.Dial(peer, loop_.now() + 5ms, scope);
    EXPECT_EQ(dialled.stream, nullptr);
    EXPECT_EQ(dialled.error, DialError::kTimeout);
  }});
  CancelScope scope;
  testing::Runner(loop_).Run({[&]() -> Task<void> {
                                const DialResult dialled = co_await loop_.Dial(peer, kNever, scope);
                                EXPECT_EQ(dialled.error, DialError::kCancelled);
                              },
                              [&]() -> Task<void> {
                                co_await testing::Until(
                                    loop_, [&] { return accepted_.streams.size() == 2; });
                                scope.Cancel();
                              }});
}

// What OpenSSL has received but not handed out gives no event.
TEST_F(TlsWireTest, RecordsThatArriveTogetherAreAllRead) {
  auto listener = loop_.Listen({.host = "127.0.0.1"}, accepted_, server_.get());
  ASSERT_TRUE(listener);
  const Peer peer{.host = "127.0.0.1", .port = (*listener)->port(), .tls = client_.get()};
  std::unique_ptr<Stream> client;
  bool all_read = false;
  testing::Runner(loop_).Run({
      [&]() -> Task<void> {
        CancelScope scope;
        client = (co_await loop_.Dial(peer, kNever, scope)).stream;
        for (const char* text : {"one ", "two ", "three"}) {
          EXPECT_EQ(co_await WriteAll(*client, text), IoStatus::kOk);
        }
        co_await testing::Until(loop_, [&] { return all_read; });
      },
      [&]() -> Task<void> {
        const std::unique_ptr<Stream> server = co_await accepted_.Next();
        EXPECT_EQ((co_await ReadExactly(*server, 1, 1)).bytes, "o");
        co_await testing::Settle(loop_);
        EXPECT_EQ((co_await ReadExactly(*server, 12)).bytes, "ne two three");
        all_read = true;
      },
  });
}

// Small pieces must not become small records: their overhead shows in what goes over the wire.
TEST_F(TlsWireTest, SmallPiecesShareARecord) {
  auto listener = loop_.Listen({.host = "127.0.0.1"}, accepted_, server_.get());
  ASSERT_TRUE(listener);
  const Peer peer{.host = "127.0.0.1", .port = (*listener)->port(), .tls = client_.get()};
  std::unique_ptr<Stream> client;
  testing::Runner(loop_).Run({
      [&]() -> Task<void> {
        CancelScope scope;
        client = (co_await loop_.Dial(peer, kNever, scope)).stream;
        const uint64_t before = client->SentBytes();
        const std::string text(10, 'x');
        const std::vector<iovec> pieces(500, testing::Piece(text));
        const IoResult result = client->TryWrite(pieces.data(), pieces.size());
        EXPECT_EQ(result.bytes, 5'000U);
        EXPECT_LE(client->SentBytes() - before, 5'000U + 40);
      },
      [&]() -> Task<void> {
        const std::unique_ptr<Stream> server = co_await accepted_.Next();
        EXPECT_EQ((co_await ReadExactly(*server, 5'000)).bytes, std::string(5'000, 'x'));
      },
  });
}

}  // namespace
}  // namespace mainstay::io

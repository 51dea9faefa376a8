#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/io/tls.h"

namespace mainstay::io {
namespace {

// ALPN's list of one: each name with its length before it.
constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// What a session id is valid for; without it, resuming with client certificates fails.
constexpr unsigned char kSessionContext[] = "mainstay";

std::string Reason() {
  // The first error is the cause; those after it only say whom it stopped.
  const unsigned long code = ERR_peek_error();
  std::string reason = "unknown reason";
  if (ERR_SYSTEM_ERROR(code)) {
    reason = std::strerror(ERR_GET_REASON(code));
  } else if (const char* text = ERR_reason_error_string(code)) {
    reason = text;
  }
  ERR_clear_error();
  return reason;
}

Error FileError(std::string_view key, const std::string& file) {
  return {.message = "tls: " + std::string(key) + " " + file + ": " + Reason()};
}

ssl_ctx_st* NewContext(const SSL_METHOD* method) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(method);
  MS_CHECK(context != nullptr);
  MS_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection keeps no record buffers, a write may be repeated from another address, and
  // one record at a time is reported as written.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One receive for a record's head and body instead of two.
  SSL_CTX_set_read_ahead(context, 1);
  return context;
}

int SelectProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                   const unsigned char* offered, unsigned int offered_bytes, void*) {
  // The cast is what the interface of OpenSSL asks for; nothing writes to the name.
  const int result = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_bytes,
                                           kProtocols, sizeof kProtocols, offered, offered_bytes);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Without it OpenSSL asks for the pass phrase of an encrypted key on the terminal.
int NoPassPhrase(char*, int, int, void*) {
  return 0;
}

}  // namespace

TlsClientContext::~TlsClientContext() {
  SSL_CTX_free(context_);
}

namespace {

// Whether a folder of authorities is indexed by subject hash, as c_rehash leaves it: then OpenSSL
// finds each when it is needed.
bool IsHashed(const char* folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.size() == 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8) {
      return true;
    }
  }
  return false;
}

// Trusts what the system trusts. Reading the bundle of all authorities costs 1.2 MiB and most of
// the start-up time, for the one or two that are ever asked for; so an indexed folder is preferred.
// Missing files are no error: a container may trust nothing but `ca_file`.
void TrustSystem(SSL_CTX* context, SystemTrust trust) {
  SSL_CTX_set_default_verify_dir(context);
  if (trust == SystemTrust::kBundle || !IsHashed(X509_get_default_cert_dir())) {
    SSL_CTX_set_default_verify_file(context);
  }
  ERR_clear_error();
}

}  // namespace

Result<std::unique_ptr<TlsClientContext>> TlsClientContext::Make(const Options& options) {
  std::unique_ptr<TlsClientContext> made(new TlsClientContext(NewContext(TLS_client_method())));
  SSL_CTX* context = made->context_;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  TrustSystem(context, options.system);
  if (!options.ca_file.empty() && SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    return FileError("ca_file", options.ca_file);
  }
  MS_CHECK(SSL_CTX_set_alpn_protos(context, kProtocols, sizeof kProtocols) == 0);
  return made;
}

TlsServerContext::~TlsServerContext() {
  SSL_CTX_free(context_);
}

Result<std::unique_ptr<TlsServerContext>> TlsServerContext::Make(const http::TlsOptions& options) {
  std::unique_ptr<TlsServerContext> made(new TlsServerContext(NewContext(TLS_server_method())));
  SSL_CTX* context = made->context_;
  SSL_CTX_set_default_passwd_cb(context, NoPassPhrase);
  SSL_CTX_set_dh_auto(context, 1);
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
    return FileError("cert_file", options.cert_file);
  }
  // OpenSSL compares the key with the certificate when it takes the key.
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH) {
      ERR_clear_error();
      return Error{.message = "tls: key_file " + options.key_file +
                              " is not the key of the certificate in cert_file " +
                              options.cert_file};
    }
    return FileError("key_file", options.key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return FileError("key_file", options.key_file);
  }
  if (!options.client_ca_file.empty()) {
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.client_ca_file.c_str());
    if (names == nullptr ||
        SSL_CTX_load_verify_file(context, options.client_ca_file.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return FileError("client_ca_file", options.client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return made;
}

}  // namespace mainstay::io

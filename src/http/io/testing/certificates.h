#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"

// Certificates for tests, made when the test runs so that none is ever out of date.
namespace mainstay::io::testing {

// A folder that is removed with everything in it.
class TemporaryFolder final {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mainstay.XXXXXX").string();
    MS_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// An authority in a folder, and what it signs.
class TestAuthority final {
 public:
  TestAuthority(const TemporaryFolder& folder, const std::string& name)
      : folder_(folder), name_(name), key_(NewKey()) {
    certificate_.reset(NewCertificate(name, key_.get(), {.is_authority = true}));
    WriteCertificate(file());
  }
  std::string file() const { return folder_.File(name_ + ".ca.pem"); }

  struct Request {
    std::string alternative_names;  // as OpenSSL's configuration: "DNS:localhost,IP:127.0.0.1"
    int64_t valid_from_s = -3'600;  // against now
    int64_t valid_until_s = 3'600;
    bool is_authority = false;
  };
  CertificateFiles Issue(const std::string& name, const Request& request) const {
    const Key key(NewKey());
    const Certificate certificate(NewCertificate(name, key.get(), request));
    const CertificateFiles files{.certificate = folder_.File(name + ".pem"),
                                 .key = folder_.File(name + ".key")};
    Write(files.certificate, [&](FILE* file) { return PEM_write_X509(file, certificate.get()); });
    Write(files.key, [&](FILE* file) {
      return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  static EVP_PKEY* NewKey() { return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"); }

  template <typename Function>
  static void Write(const std::string& path, Function&& function) {
    FILE* file = std::fopen(path.c_str(), "w");
    MS_CHECK(file != nullptr);
    MS_CHECK(function(file) == 1);
    MS_CHECK(std::fclose(file) == 0);
  }
  void WriteCertificate(const std::string& path) const {
    Write(path, [&](FILE* file) { return PEM_write_X509(file, certificate_.get()); });
  }

  static void AddExtension(X509* certificate, int id, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
    MS_CHECK(extension != nullptr);
    MS_CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }

  X509* NewCertificate(const std::string& name, EVP_PKEY* key, const Request& request) const {
    static int64_t serial = 1;
    X509* made = X509_new();
    MS_CHECK(made != nullptr);
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), request.valid_from_s);
    X509_gmtime_adj(X509_getm_notAfter(made), request.valid_until_s);
    X509_set_pubkey(made, key);
    X509_NAME* subject = X509_get_subject_name(made);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_issuer_name(made, certificate_ ? X509_get_subject_name(certificate_.get()) : subject);
    AddExtension(made, NID_basic_constraints,
                 request.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!request.alternative_names.empty()) {
      AddExtension(made, NID_subject_alt_name, request.alternative_names);
    }
    MS_CHECK(X509_sign(made, key_.get(), EVP_sha256()) > 0);
    return made;
  }

  const TemporaryFolder& folder_;
  const std::string name_;
  const Key key_;
  Certificate certificate_;
};

}  // namespace mainstay::io::testing

#pragma once

#include <openssl/crypto.h>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace mainstay {

// A credential. It streams and formats as ***, compares in constant time, and is wiped when it is
// destroyed. Its text leaves through Expose() alone, which is easy to search for.
class Secret final {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(text) { Wipe(text); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { Wipe(other.text_); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe(text_);
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe(text_);
      text_ = std::move(other.text_);
      Wipe(other.text_);
    }
    return *this;
  }
  ~Secret() { Wipe(text_); }

  bool empty() const { return text_.empty(); }
  std::string_view Expose() const { return text_; }

  // Takes the same time for every pair of texts of these lengths.
  friend bool operator==(const Secret& a, const Secret& b) { return a.Equals(b.text_); }
  bool Equals(std::string_view other) const {
    return text_.size() == other.size() &&
           CRYPTO_memcmp(text_.data(), other.data(), text_.size()) == 0;
  }

  friend std::ostream& operator<<(std::ostream& out, const Secret& secret) {
    return out << (secret.empty() ? "" : "***");
  }

 private:
  // All that the string has room for: one that was moved from is empty, yet may still hold the
  // bytes of a short text. Growing it within its capacity moves nothing.
  static void Wipe(std::string& text) {
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
  }

  std::string text_;
};

}  // namespace mainstay

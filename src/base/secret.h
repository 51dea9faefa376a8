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
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.Wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe();
      text_ = std::move(other.text_);
      other.Wipe();
    }
    return *this;
  }
  ~Secret() { Wipe(); }

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
  void Wipe() {
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

}  // namespace mainstay

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mainstay::fake_provider {

// gzip without compression (RFC 1952 around stored blocks of RFC 1951): every decoder has to
// understand it, what was appended can be decoded at once, and it needs no library.
class StoredGzip final {
 public:
  // Appends what `bytes` are encoded as.
  void Append(std::string_view bytes, std::string& out);
  // Appends the end. Call once.
  void Finish(std::string& out);

 private:
  void AppendHeader(std::string& out);

  uint32_t crc_ = 0xFFFFFFFF;
  uint32_t size_ = 0;
  bool started_ = false;
};

}  // namespace mainstay::fake_provider

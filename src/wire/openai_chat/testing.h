#pragma once

#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/result.h"
#include "wire/openai_chat/request.h"

// For the tests and fuzz targets of this folder.
namespace mainstay::wire::openai_chat {

// A text with the padding that the reader wants, and not a byte more, so that the address sanitizer
// sees reads beyond. The padding looks like the rest of a document, which must not matter.
class PaddedText final {
 public:
  explicit PaddedText(std::string_view text)
      : bytes_(text.size()), data_(new char[text.size() + json::kPadding]) {
    std::memcpy(data_.get(), text.data(), text.size());
    std::memset(data_.get() + text.size(), '"', json::kPadding);
  }
  std::string_view view() const { return {data_.get(), bytes_}; }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> data_;
};

// A body and what decoding it gave.
struct Decoded {
  Decoded(Operation operation, std::string_view text)
      : body(text), result(DecodeRequest(operation, body.view(), scratch, nullptr, request)) {}

  PaddedText body;
  std::string scratch;
  Request request;
  Result<void> result;
};

#ifdef MAINSTAY_SOURCE_DIR
// The content of a file in fixtures/.
inline std::string Fixture(std::string_view name) {
  const std::string path =
      std::string(MAINSTAY_SOURCE_DIR) + "/src/wire/openai_chat/fixtures/" + std::string(name);
  std::ifstream file(path, std::ios::binary);
  MS_CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
#endif

}  // namespace mainstay::wire::openai_chat

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

// Content codings (RFC 9110 8.4.1): undoes what Content-Encoding names. Pure CPU, no I/O.
namespace mainstay::http {

enum class Coding : uint8_t { kIdentity, kGzip, kDeflate, kZstd, kBrotli, kUnknown };

// The coding that a Content-Encoding value names, in any case; absent (empty) is kIdentity. Lists
// of several codings are kUnknown: nobody sends them but to find out who decodes what.
Coding ParseCoding(std::string_view value);

enum class DecodeStatus : uint8_t {
  kOk,
  kTooLarge,         // decodes to more than the limit; out holds the limit's worth
  kCorrupt,          // not what the coding says, or needs more memory than a decoder may use
  kTrailingGarbage,  // bytes after the end
  kTruncated,        // Finish alone: the end has not come
};
// What a status means, for a message; static text.
std::string_view Describe(DecodeStatus status);

// Decodes one body, in whatever pieces it comes. gzip and zstd may consist of several members, as
// their specifications allow. `deflate` is the zlib format, or bare deflate as some clients send
// it. zstd windows are limited to 8 MiB (RFC 9659), so that a decoder holds no more than that,
// brotli to 16 MiB.
//
// One thread. After anything but kOk the decoder repeats that answer.
class ContentDecoder {
 public:
  // Errors: kUnsupportedEncoding, side client, for kUnknown.
  static Result<std::unique_ptr<ContentDecoder>> Create(Coding coding);

  virtual ~ContentDecoder() = default;
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  // Appends what `in` decodes to. Over all calls together no more than out_bytes_max are decoded;
  // the work ends there, however small the input of a bomb is. `out` need not be kept between
  // calls.
  DecodeStatus Feed(std::string_view in, std::string& out, size_t out_bytes_max);

  // The input is complete. An empty body is an empty message in every coding.
  DecodeStatus Finish();

 protected:
  ContentDecoder() = default;

  // One step of the library. Takes bytes off `in`, writes to `room` bytes at `out`, says how many.
  struct Progress {
    DecodeStatus status = DecodeStatus::kOk;
    size_t written = 0;
    bool at_end = false;  // a member has ended
  };
  virtual Progress Run(std::string_view& in, char* out, size_t room) = 0;
  // Another member begins. False when the coding has but one.
  virtual bool StartMember(std::string_view in) = 0;

 private:
  DecodeStatus Decode(std::string_view in, std::string& out, size_t out_bytes_max);

  DecodeStatus status_ = DecodeStatus::kOk;
  size_t decoded_bytes_ = 0;
  bool started_ = false;
  bool at_end_ = false;
};

}  // namespace mainstay::http

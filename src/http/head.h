#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>

#include "http/header_id.h"

// The heads of HTTP/1.1 messages: request line or status line, headers, and how the body is framed.
// Pure functions over bytes that the caller holds. Nothing is copied or allocated: every
// string_view points into the input and lives as long as it. Any thread; nothing blocks.
//
// The parser guesses at nothing (spec 10 and 11.18). Whatever two readers might understand
// differently is kBad: the caller answers 400 (or 502 for a provider's answer) and closes.
namespace mainstay::http {

// Bytes after the end of the input that must be readable, whatever their values: the parser looks
// at 16 to 32 bytes in one step. No answer depends on them.
inline constexpr size_t kPadding = 64;

inline constexpr size_t kHeadersMax = 128;

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kPatch,
  kOptions,
  kConnect,
  kTrace,
  kOther,  // a well-formed method that is none of these; see method_text
};

// The name, upper case; empty for kOther.
std::string_view MethodName(Method method);

enum class Version : uint8_t { kHttp10, kHttp11 };

struct Header {
  std::string_view name;   // as it was sent
  std::string_view value;  // without the blanks around it; may hold bytes from 0x80 on
  HeaderId id = HeaderId::kUnknown;
};
static_assert(std::is_trivially_copyable_v<Header>);

// Up to kHeadersMax headers in the order they came, repeated ones included. A new list costs
// nothing: its 5 KB are not cleared, and a copy copies what is there.
class HeaderList final {
 public:
  HeaderList() {}  // NOLINT(modernize-use-equals-default): = default would clear the storage
  HeaderList(const HeaderList& other) { CopyFrom(other); }
  HeaderList& operator=(const HeaderList& other) {
    if (this != &other) {
      CopyFrom(other);
    }
    return *this;
  }

  const Header* begin() const { return std::launder(reinterpret_cast<const Header*>(storage_)); }
  const Header* end() const { return begin() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Header& operator[](size_t at) const { return begin()[at]; }

  // Whether a header of this id is there. One bit test. Not for kUnknown.
  bool Has(HeaderId id) const { return (seen_ >> static_cast<unsigned>(id) & 1) != 0; }

  // The first header of that id or name (any case), or nullptr. The pointer lives as long as the
  // list is not changed.
  const Header* Find(HeaderId id) const;
  const Header* Find(std::string_view name) const;
  // Find's value, or empty.
  std::string_view Value(HeaderId id) const;

  // Returns false, and leaves the list as it was, when it is full.
  bool Add(const Header& header);
  void Clear() {
    size_ = 0;
    seen_ = 0;
  }

 private:
  friend class HeaderWriter;

  void CopyFrom(const HeaderList& other) {
    size_ = other.size_;
    seen_ = other.seen_;
    std::memcpy(storage_, other.storage_, size_ * sizeof(Header));
  }

  size_t size_ = 0;
  uint64_t seen_ = 0;
  alignas(Header) std::byte storage_[kHeadersMax * sizeof(Header)];
};

// Fills a list in place, with its counters in registers. For parsers. The list changes at Commit;
// until then its content has no meaning.
class HeaderWriter final {
 public:
  explicit HeaderWriter(HeaderList& list)
      : list_(list), next_(list.storage_ + list.size_ * sizeof(Header)), seen_(list.seen_) {}
  HeaderWriter(const HeaderWriter&) = delete;
  HeaderWriter& operator=(const HeaderWriter&) = delete;

  bool full() const { return next_ == list_.storage_ + sizeof list_.storage_; }
  // Not when full.
  void Put(const Header& header) {
    ::new (static_cast<void*>(next_)) Header(header);
    seen_ |= uint64_t{1} << static_cast<unsigned>(header.id);
    next_ += sizeof(Header);
  }
  void Commit() {
    list_.size_ = static_cast<size_t>(next_ - list_.storage_) / sizeof(Header);
    list_.seen_ = seen_;
  }

 private:
  HeaderList& list_;
  std::byte* next_;
  uint64_t seen_;
};

inline bool HeaderList::Add(const Header& header) {
  HeaderWriter writer(*this);
  if (writer.full()) {
    return false;
  }
  writer.Put(header);
  writer.Commit();
  return true;
}

// What request and response heads have in common.
struct MessageHead {
  Version version = Version::kHttp11;
  HeaderList headers;
  std::optional<uint64_t> content_length;  // at most 18 digits; never together with chunked
  bool chunked = false;
  // Whether the sender is ready for a next message on this connection: its version and its
  // Connection headers say so.
  bool keep_alive = false;
  // A Connection header lists names beyond close, keep-alive, upgrade and te, so that IsNominated
  // has to be asked before a header is passed on.
  bool nominates_headers = false;
};

struct RequestHead : MessageHead {
  Method method = Method::kOther;
  std::string_view method_text;
  // Origin form (/path?query), absolute form (http://host/path), * for OPTIONS, or host:port for
  // CONNECT. Visible ASCII without '#'. See SplitTarget in url.h.
  std::string_view target;
  std::string_view host;         // the Host header; empty only for HTTP/1.0
  bool expect_continue = false;  // the client waits for 100 before it sends the body
  bool expect_unknown = false;   // an expectation that is not 100-continue: answer 417
  bool upgrade = false;          // Upgrade and Connection: upgrade; may be ignored
};

struct ResponseHead : MessageHead {
  int status = 0;           // 100 to 999
  std::string_view reason;  // may be empty
};

enum class ParseStatus : uint8_t { kDone, kNeedMore, kBad, kTooManyHeaders };

struct ParseResult {
  ParseStatus status = ParseStatus::kNeedMore;
  size_t head_bytes = 0;     // kDone: length of the head with its empty line; the body begins there
  std::string_view problem;  // kBad and kTooManyHeaders: static text that names what is wrong
  // kNeedMore: the request line is complete, so that a client that stops here gets 408, not
  // silence.
  bool request_line_seen = false;
};

// Parses the head at the start of `bytes` (with kPadding after them). One empty line before the
// request line is skipped. Bytes after the head are left alone. `out` is overwritten; it has a
// meaning only after kDone.
//
// kNeedMore: nothing is wrong so far. Use HeadEnd to learn when to call again, and stop at the
// limit for heads: there is none here but kHeadersMax.
ParseResult ParseRequestHead(std::string_view bytes, RequestHead& out);

// The same for a status line. Interim (1xx) heads are heads of their own: skip them and parse on.
// keep_alive is false too when a head that cannot have a body announces one, because what follows
// it cannot be trusted.
ParseResult ParseResponseHead(std::string_view bytes, ResponseHead& out);

enum class BodyKind : uint8_t {
  kNone,
  kLength,  // content_length bytes
  kChunked,
  kUntilClose,  // responses only
};

// How the body that follows the head is delimited. A length of 0 is kNone.
BodyKind RequestBody(const RequestHead& head);
// `method` is that of the request which is answered: HEAD, and a CONNECT that succeeded, have no
// body, nor have 1xx, 204 and 304.
BodyKind ResponseBody(const ResponseHead& head, Method method);

// Whether a Connection header of the message lists this name (any case), so that the header ends
// here and is not passed on. False at once unless head.nominates_headers.
bool IsNominated(const MessageHead& head, std::string_view name);

// Finds out, in one pass over all reads, whether a head that drips in may be complete, so that it
// is not parsed again at every byte.
class HeadEnd final {
 public:
  // `bytes` is everything from the start of the head; it only grows between calls. True when an
  // empty line is in it. Lines that end in a lone LF count: the parser refuses them, and the
  // client is to hear of it now. After true, the next call looks further on.
  bool Find(std::string_view bytes);
  // Begins with a new head.
  void Reset() { scanned_ = 0; }

 private:
  size_t scanned_ = 0;
};

}  // namespace mainstay::http

// Any bytes: the reader accepts what simdjson's DOM accepts and finds the same values in it, and
// every mix of reading and skipping ends in the same verdict at the same byte.
//
// simdjson is no judge of three things: numbers that fit none of its types, lone surrogates in
// escapes (which the grammar allows), and our own limit of nesting.
#include <simdjson.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"

namespace mainstay::json {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What the reader passed that the judge may refuse.
struct Excuses {
  bool large_number = false;
  bool replacement = false;
};

// Reads everything; compares with `judge` where there is one.
class Comparison final {
 public:
  Comparison(Reader& reader, Excuses& excuses) : reader_(reader), excuses_(excuses) {}

  void Value(const dom::element* judge) {
    switch (reader_.Peek()) {
      case Type::kObject:
        Object(judge);
        return;
      case Type::kArray:
        Array(judge);
        return;
      case Type::kString: {
        StringToken token;
        if (reader_.ReadString(token)) {
          const std::string value = Text(token);
          MS_CHECK(judge == nullptr || value == std::string_view(*judge));
        }
        return;
      }
      case Type::kNumber:
        Number(judge);
        return;
      case Type::kNull:
        MS_CHECK(!reader_.ReadNull() || judge == nullptr || judge->is_null());
        return;
      default: {
        bool value = false;
        MS_CHECK(!reader_.ReadBool(value) || judge == nullptr || bool(*judge) == value);
        return;
      }
    }
  }

 private:
  std::string Text(const StringToken& token) {
    std::string value;
    MS_CHECK(token.has_escapes == (token.raw.find('\\') != std::string_view::npos));
    MS_CHECK(Unescape(token.raw, value));
    MS_CHECK(KeyEquals(token, value));
    MS_CHECK(!KeyEquals(token, value + "x"));
    excuses_.replacement |= value.find(kReplacement) != std::string_view::npos;
    return value;
  }

  void Object(const dom::element* judge) {
    const dom::object object = judge == nullptr ? dom::object() : dom::object(*judge);
    dom::object::iterator next = judge == nullptr ? dom::object::iterator() : object.begin();
    StringToken key;
    for (reader_.EnterObject(); reader_.NextMember(key);) {
      const std::string name = Text(key);
      if (judge == nullptr) {
        Value(nullptr);
        continue;
      }
      MS_CHECK(next != object.end() && name == next.key());
      const dom::element value = next.value();
      Value(&value);
      ++next;
    }
    MS_CHECK(judge == nullptr || !(next != object.end()));
  }

  void Array(const dom::element* judge) {
    const dom::array array = judge == nullptr ? dom::array() : dom::array(*judge);
    dom::array::iterator next = judge == nullptr ? dom::array::iterator() : array.begin();
    for (reader_.EnterArray(); reader_.NextElement();) {
      if (judge == nullptr) {
        Value(nullptr);
        continue;
      }
      MS_CHECK(next != array.end());
      const dom::element value = *next;
      Value(&value);
      ++next;
    }
    MS_CHECK(judge == nullptr || !(next != array.end()));
  }

  void Number(const dom::element* judge) {
    Reader as_int = reader_;
    Reader as_double = reader_;
    Reader as_count = reader_;
    std::string_view raw;
    int64_t integer = 0;
    uint64_t large = 0;
    double real = 0;
    if (!reader_.ReadNumber(raw)) {
      return;
    }
    const bool is_real = raw.find_first_of(".eE") != std::string_view::npos;
    const bool is_double = as_double.ReadDouble(real);
    const bool is_int = as_int.ReadInt64(integer);
    MS_CHECK(!is_real || !is_int);
    int64_t count = -1;
    if (as_count.TakeCount(count)) {
      MS_CHECK(is_int && count == integer && as_count.offset() == reader_.offset());
    }
    const bool is_uint =
        std::from_chars(raw.data(), raw.data() + raw.size(), large).ec == std::errc{};
    excuses_.large_number |= is_real ? !is_double : !is_int && !is_uint;
    if (judge == nullptr) {
      return;
    }
    if (is_real) {
      const double judged = judge->get_double().value();
      MS_CHECK(std::memcmp(&judged, &real, sizeof real) == 0);
    } else if (is_int) {
      MS_CHECK(judge->get_int64().value() == integer);
    } else {
      MS_CHECK(judge->get_uint64().value() == large);
    }
  }

  Reader& reader_;
  Excuses& excuses_;
};

// Reads or skips each value as the next bits of a seed say.
// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth.
void Mix(Reader& reader, uint64_t& bits) {
  bits = bits * 6364136223846793005 + 1442695040888963407;
  StringToken token;
  std::string_view raw;
  if ((bits >> 40) % 3 == 0) {
    reader.SkipValue(&raw);
    return;
  }
  switch (reader.Peek()) {
    case Type::kObject:
      for (reader.EnterObject(); reader.NextMember(token);) {
        Mix(reader, bits);
      }
      return;
    case Type::kArray:
      for (reader.EnterArray(); reader.NextElement();) {
        Mix(reader, bits);
      }
      return;
    case Type::kString:
      reader.ReadString(token);
      return;
    default:
      reader.SkipValue(&raw);
      return;
  }
}

void CheckWriter(std::string_view bytes, dom::parser& parser) {
  std::string text;
  AppendString(text, bytes);
  std::string_view value;
  MS_CHECK(parser.parse(text).get(value) == simdjson::SUCCESS);
  MS_CHECK(!simdjson::validate_utf8(bytes) || value == bytes);
}

void Run(std::string_view text, uint64_t seed) {
  dom::parser parser;
  dom::element root;
  MS_CHECK(parser.allocate(text.size() + 64, text.size() + 64) == simdjson::SUCCESS);
  const auto error = parser.parse(text.data(), text.size()).get(root);

  Reader reader(text);
  Excuses excuses;
  Comparison(reader, excuses).Value(nullptr);
  const bool accepted = reader.Finish();
  const bool too_deep = reader.problem().what.find("nested") != std::string_view::npos;
  MS_CHECK(reader.problem().offset <= text.size());
  MS_CHECK(accepted == reader.problem().what.empty());
  if (accepted && error == simdjson::SUCCESS && !excuses.replacement) {
    Reader again(text);
    Comparison(again, excuses).Value(&root);
    MS_CHECK(again.Finish());
  }
  if (accepted != (error == simdjson::SUCCESS) && !too_deep) {
    MS_CHECK(accepted);
    MS_CHECK((error == simdjson::NUMBER_ERROR && excuses.large_number) ||
             (error == simdjson::STRING_ERROR && excuses.replacement));
  }

  Reader skipping(text);
  skipping.SkipValue();
  Reader mixing(text);
  Mix(mixing, seed);
  for (Reader* const other : {&skipping, &mixing}) {
    MS_CHECK(other->Finish() == accepted);
    MS_CHECK(other->problem().offset == reader.problem().offset);
  }
  CheckWriter(text, parser);
}

}  // namespace
}  // namespace mainstay::json

// The first byte chooses the version of the scan and the padding, the rest is the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace json = mainstay::json;
  using json::internal::ScanVersion;
  constexpr std::string_view kFills = " \"\\]}0,\x80";
  constexpr ScanVersion kVersions[] = {ScanVersion::kWidest, ScanVersion::kPortable,
                                       ScanVersion::kSse2, ScanVersion::kAvx2};
  if (size == 0) {
    return 0;
  }
  json::internal::UseScanVersion(kVersions[data[0] % 4]);
  const size_t text_bytes = size - 1;
  const std::unique_ptr<char[]> text(new char[text_bytes + json::kPadding]);
  std::memcpy(text.get(), data + 1, text_bytes);
  std::memset(text.get() + text_bytes, kFills[data[0] / 4 % kFills.size()], json::kPadding);
  json::Run(std::string_view(text.get(), text_bytes), data[0]);
  return 0;
}

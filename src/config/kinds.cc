#include "config/kinds.h"

#include <algorithm>

#include "config/fingerprint.h"
#include "config/text_check.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kSecretAllowed = "text (a secret)";

std::string TypeWithRange(std::string_view type, const std::string& range) {
  return std::string(type) + (range.empty() ? "" : " " + range);
}

std::optional<std::string> SecretMark(std::string_view secret, std::string_view salt) {
  return QuotedText(secret.empty() ? "" : "*** " + Fingerprint(salt, secret));
}

// A secret goes into a header line, where control characters would change the request around it
// and white space at an end is cut off.
bool IsHeaderSafe(std::string_view text) {
  return !HasControl(text) && !text.starts_with(' ') && !text.ends_with(' ');
}

// Takes one secret out of a text, or adds a problem that does not show it.
std::optional<Secret> TakeSecret(Reader& reader, const Place& place, std::string_view text) {
  if (!IsHeaderSafe(text)) {
    reader.Add(place,
               "this secret cannot be sent in a header: it holds control characters, or starts or "
               "ends with a space");
    return std::nullopt;
  }
  return Secret(std::string(text));
}

// Without the line end that editors and `echo` leave, which is no part of the secret.
std::string_view WithoutLineEnd(std::string_view line) {
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

void ReadSecretLines(Reader& reader, const Place& place, std::vector<Secret>& out) {
  const std::optional<std::string> contents = reader.File(place);
  if (!contents) {
    return;
  }
  std::string_view rest = *contents;
  size_t count = 0;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = WithoutLineEnd(rest.substr(0, end));
    rest.remove_prefix(end);
    if (line.empty()) {
      continue;
    }
    ++count;
    std::optional<Secret> secret = TakeSecret(reader, place, line);
    if (!secret) {
      return;
    }
    out.push_back(*std::move(secret));
  }
  if (count == 0) {
    reader.Add(place, "the file holds no key");
  }
}

void ReadHeaders(Reader& reader, const Place& place,
                 std::vector<std::pair<std::string, std::string>>& out) {
  if (!reader.IsMap(place)) {
    return;
  }
  out.clear();
  for (const Entry& entry : place.node.entries) {
    const bool empty = entry.value.kind == Node::Kind::kNull;
    const Place value{.node = entry.value,
                      .path = Under(place.path, Printable(entry.key)),
                      .position = empty ? entry.position : entry.value.position};
    std::optional<std::string> text = reader.Text(value, "text", Show::kNothing);
    out.emplace_back(entry.key, text.value_or(""));
  }
}

}  // namespace

Kind<bool> Boolean() {
  return {.type = "true or false",
          .read = [](Reader& reader, const Place& place,
                     bool& out) { out = reader.Boolean(place).value_or(out); },
          .text = [](const bool& value, std::string_view) -> std::optional<std::string> {
            return value ? "true" : "false";
          }};
}

Kind<int64_t> Integer(IntegerRange range) {
  return {.type = TypeWithRange("whole number", RangeText(range.min, range.max)),
          .read =
              [range](Reader& reader, const Place& place, int64_t& out) {
                out = reader.Integer(place, range.min, range.max).value_or(out);
              },
          .text = [](const int64_t& value, std::string_view) -> std::optional<std::string> {
            return std::to_string(value);
          }};
}

Kind<double> Number(NumberRange range) {
  return {.type = TypeWithRange("number", RangeText(range.min, range.max)),
          .read =
              [range](Reader& reader, const Place& place, double& out) {
                out = reader.Number(place, range.min, range.max).value_or(out);
              },
          .text = [](const double& value, std::string_view) -> std::optional<std::string> {
            return NumberText(value);
          }};
}

Kind<std::chrono::milliseconds> Milliseconds(IntegerRange range) {
  range.min = std::max<int64_t>(range.min, 0);
  range.max = std::min(range.max, kMillisecondsMax);
  return {.type = TypeWithRange("whole number", RangeText(range.min, range.max)),
          .read =
              [range](Reader& reader, const Place& place, std::chrono::milliseconds& out) {
                out = std::chrono::milliseconds(
                    reader.Integer(place, range.min, range.max).value_or(out.count()));
              },
          .text = [](const std::chrono::milliseconds& value, std::string_view)
              -> std::optional<std::string> { return std::to_string(value.count()); }};
}

Kind<std::chrono::milliseconds> Seconds(IntegerRange range) {
  constexpr int64_t kSecondsMax = 3'153'600'000;
  constexpr int64_t kMillis = 1000;
  range.min = std::max<int64_t>(range.min, 0);
  range.max = std::min(range.max, kSecondsMax);
  return {.type = TypeWithRange("whole number", RangeText(range.min, range.max)),
          .read =
              [range](Reader& reader, const Place& place, std::chrono::milliseconds& out) {
                if (const auto seconds = reader.Integer(place, range.min, range.max)) {
                  out = std::chrono::seconds(*seconds);
                }
              },
          .text = [](const std::chrono::milliseconds& value, std::string_view)
              -> std::optional<std::string> { return std::to_string(value.count() / kMillis); }};
}

Kind<std::string> Text(Empty empty) {
  const bool refused = empty == Empty::kRefused;
  return {
      .type = "text",
      .read =
          [refused](Reader& reader, const Place& place, std::string& out) {
            std::optional<std::string> text = reader.Text(place, "text", Show::kValue);
            if (text && text->empty() && refused) {
              reader.Add(place, "must not be empty");
            } else if (text) {
              out = *std::move(text);
            }
          },
      // Where empty text is refused, an empty field means that the key was absent.
      .text = [refused](const std::string& value, std::string_view) -> std::optional<std::string> {
        return refused && value.empty() ? std::nullopt : std::optional(QuotedText(value));
      }};
}

Kind<std::string> ReadableFile() {
  Kind<std::string> kind = Text(Empty::kRefused);
  kind.type = "path of a file";
  kind.read = [](Reader& reader, const Place& place, std::string& out) {
    if (reader.File(place)) {
      out = place.node.text;
    }
  };
  return kind;
}

Kind<Secret> SecretText() {
  return {.type = "text, secret",
          .read =
              [](Reader& reader, const Place& place, Secret& out) {
                const auto text = reader.Text(place, kSecretAllowed, Show::kNothing);
                if (text) {
                  out = TakeSecret(reader, place, *text).value_or(Secret());
                }
              },
          .text = [](const Secret& value,
                     std::string_view salt) { return SecretMark(value.Expose(), salt); }};
}

Kind<Secret> SecretFile() {
  Kind<Secret> kind = SecretText();
  kind.type = "path of a file";
  kind.read = [](Reader& reader, const Place& place, Secret& out) {
    const std::optional<std::string> contents = reader.File(place);
    if (!contents) {
      return;
    }
    const std::string_view text = WithoutLineEnd(*contents);
    if (text.empty()) {
      reader.Add(place, "the file holds no secret");
      return;
    }
    out = TakeSecret(reader, place, text).value_or(Secret());
  };
  return kind;
}

Kind<std::vector<Secret>> SecretLines() {
  return {.type = "path of a file",
          .read = ReadSecretLines,
          .text = [](const std::vector<Secret>&, std::string_view) -> std::optional<std::string> {
            return std::nullopt;
          }};
}

Kind<std::vector<std::pair<std::string, std::string>>> Headers() {
  using HeaderList = std::vector<std::pair<std::string, std::string>>;
  return {
      .type = "header names and values",
      .read = ReadHeaders,
      .text = [](const HeaderList& headers, std::string_view salt) -> std::optional<std::string> {
        // The order in which the file names them has no meaning.
        HeaderList sorted = headers;
        std::ranges::sort(sorted);
        std::string text;
        for (const auto& [name, value] : sorted) {
          text += (text.empty() ? "" : ", ") + QuotedText(name) + ": " +
                  SecretMark(value, salt).value_or("");
        }
        return '{' + text + '}';
      }};
}

}  // namespace mainstay::config

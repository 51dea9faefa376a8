#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "config/table.h"

namespace mainstay::config {

// The kinds of values that keys have (Kind in table.h). They compose: OptionalOf(Number({.min =
// 0})), ListOf(Text(...)), SectionList(AccountTable()).

// An integer of more than this many milliseconds is taken for a mistake: 30 days.
inline constexpr int64_t kMillisecondsMax = 2'592'000'000;

struct IntegerRange {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
};
struct NumberRange {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};
enum class Empty { kAllowed, kRefused };

Kind<bool> Boolean();
Kind<int64_t> Integer(IntegerRange range);
Kind<double> Number(NumberRange range);
Kind<std::chrono::milliseconds> Milliseconds(IntegerRange range);
// Whole seconds, up to a hundred years.
Kind<std::chrono::milliseconds> Seconds(IntegerRange range);
Kind<std::string> Text(Empty empty);
// The path of a file that must be readable when the configuration is read.
Kind<std::string> ReadableFile();
// A secret, also a list of them. Never shown: in the effective configuration it is a fingerprint.
Kind<Secret> SecretText();
// The secret is what the file holds, without its line end.
Kind<Secret> SecretFile();
// Adds one secret for each line of the file; empty lines are skipped.
Kind<std::vector<Secret>> SecretLines();
// Header name → value. Values may be credentials and are treated as secrets.
Kind<std::vector<std::pair<std::string, std::string>>> Headers();

// Values that one name each stands for. Names are matched exactly.
template <typename Enum>
struct ChoiceName {
  std::string_view name;
  Enum value;
};

// `names` outlives the kind: a constexpr array.
template <typename Enum, size_t kCount>
Kind<Enum> Choice(const ChoiceName<Enum> (&names)[kCount]) {
  std::vector<std::string_view> texts;
  std::string type = kCount > 1 ? "one of" : "";
  for (const ChoiceName<Enum>& name : names) {
    texts.push_back(name.name);
    type += (type.empty() ? "`" : texts.size() > 1 ? ", `" : " `") + std::string(name.name) + '`';
  }
  const std::span<const ChoiceName<Enum>> all(names);
  return {.type = type,
          .read =
              [all, texts](Reader& reader, const Place& place, Enum& out) {
                if (const std::optional<size_t> index = reader.Choice(place, texts)) {
                  out = all[*index].value;
                }
              },
          .text = [all](const Enum& value, std::string_view) -> std::optional<std::string> {
            for (const ChoiceName<Enum>& name : all) {
              if (name.value == value) {
                return QuotedText(name.name);
              }
            }
            return std::nullopt;
          }};
}

// A value whose absence means something of its own, for instance: unknown.
template <typename T>
Kind<std::optional<T>> OptionalOf(const Kind<T>& kind) {
  Kind<std::optional<T>> optional{
      .type = kind.type, .keys = kind.keys, .keys_suffix = kind.keys_suffix};
  optional.read = [read = kind.read](Reader& reader, const Place& place, std::optional<T>& out) {
    read(reader, place, out.emplace());
  };
  if (kind.write) {
    optional.write = [write = kind.write](Writer& writer, std::string_view key,
                                          const std::optional<T>& value) {
      if (value) {
        write(writer, key, *value);
      }
    };
  } else {
    optional.text = [text = kind.text](const std::optional<T>& value, std::string_view salt) {
      return value ? text(*value, salt) : std::nullopt;
    };
  }
  return optional;
}

enum class OneItem { kNeedsList, kMayStandAlone };

// A list of one-line values. The items keep their places in the list even when some of them are
// wrong, because checks that follow name them by their index.
template <typename T>
Kind<std::vector<T>> ListOf(const Kind<T>& kind, OneItem one = OneItem::kNeedsList) {
  const bool alone = one == OneItem::kMayStandAlone;
  const std::string allowed = "a list";
  return {.type = (alone ? "one or a list of: " : "list of: ") + kind.type,
          .read =
              [read = kind.read, allowed, alone](Reader& reader, const Place& place,
                                                 std::vector<T>& out) {
                const bool scalar = place.node.kind == Node::Kind::kScalar;
                if (alone && scalar) {
                  out.clear();
                  read(reader, place, out.emplace_back());
                  return;
                }
                if (!reader.IsList(place, allowed)) {
                  return;
                }
                out.clear();
                for (size_t i = 0; i < place.node.items.size(); ++i) {
                  const Place item{.node = place.node.items[i], .path = At(place.path, i)};
                  read(reader, item, out.emplace_back());
                }
              },
          .text = [text = kind.text](const std::vector<T>& values,
                                     std::string_view salt) -> std::optional<std::string> {
            std::string list;
            for (const T& value : values) {
              list += (list.empty() ? "" : ", ") + text(value, salt).value_or("");
            }
            return '[' + list + ']';
          }};
}

// A mapping with keys of its own. `table` outlives the kind.
template <typename Struct>
Kind<Struct> Section(const Table<Struct>& table) {
  return {.type = "section",
          .read = [&table](Reader& reader, const Place& place,
                           Struct& out) { table.Read(reader, place, out); },
          .write =
              [&table](Writer& writer, std::string_view key, const Struct& from) {
                writer.Begin(key);
                table.Write(writer, from);
                writer.End();
              },
          .keys = &table.docs()};
}

// A list of mappings. As in ListOf, wrong items keep their places.
template <typename Struct>
Kind<std::vector<Struct>> SectionList(const Table<Struct>& table) {
  return {.type = "list of sections",
          .read =
              [&table](Reader& reader, const Place& place, std::vector<Struct>& out) {
                if (!reader.IsList(place, "a list of mappings")) {
                  return;
                }
                out.clear();
                for (size_t i = 0; i < place.node.items.size(); ++i) {
                  const Place item{.node = place.node.items[i], .path = At(place.path, i)};
                  table.Read(reader, item, out.emplace_back());
                }
              },
          .write =
              [&table](Writer& writer, std::string_view key, const std::vector<Struct>& list) {
                if (list.empty()) {
                  writer.Line(key, "[]");
                  return;
                }
                writer.Begin(key);
                for (const Struct& item : list) {
                  writer.BeginItem();
                  table.Write(writer, item);
                  writer.EndItem();
                }
                writer.End();
              },
          .keys = &table.docs(),
          .keys_suffix = "[]"};
}

}  // namespace mainstay::config

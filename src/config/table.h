#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/reader.h"
#include "config/writer.h"

namespace mainstay::config {

struct KeyDoc;
using TableDoc = std::vector<KeyDoc>;

// How a key appears in the reference page.
struct KeyDoc {
  std::string key;
  std::string type;                // with the values that are allowed
  std::string default_text;        // "required", "none" or the text of the effective configuration
  std::string doc;                 // one or two sentences
  const TableDoc* keys = nullptr;  // of a section or of the items of a list
  std::string keys_suffix;         // "[]" for a list of sections
};

// How values of type T stand in the file: read, written, described. The kinds are in kinds.h. A
// kind has either `text` (scalars and lists of them, one line) or `write` (sections).
template <typename T>
struct Kind {
  std::string type;
  // Fills the value, or adds a problem and leaves it as it is.
  std::function<void(Reader&, const Place&, T&)> read;
  // The value on one line; nullopt: the key is left out.
  std::function<std::optional<std::string>(const T&, std::string_view salt)> text;
  std::function<void(Writer&, std::string_view key, const T&)> write;
  const TableDoc* keys = nullptr;
  std::string keys_suffix;
};

enum class Required { kNo, kYes };
// Whether the key is written into the effective configuration. Keys that fill the field of another
// key (api_key_file and api_key) are not.
enum class Effective { kWritten, kLeftOut };

struct KeyRules {
  Required required = Required::kNo;
  Effective effective = Effective::kWritten;
  std::string_view excludes;  // another key that must not stand beside this one
};

// The keys of one mapping of the file and the fields of `Struct` that they fill. Adding a key is
// adding one call of Key(); reading, the effective configuration, the hash, suggestions and the
// reference page follow from it. A table is built once and read by any thread.
template <typename Struct>
class Table final {
 public:
  // `field` is a pointer to a member, or a generic lambda that goes deeper:
  // [](auto& o) -> auto& { return o.server.listen; }.
  template <typename Field, typename T>
  Table&& Key(std::string_view key, Field field, const Kind<T>& kind, std::string_view doc,
              KeyRules rules = {}) && {
    docs_.push_back({.key = std::string(key),
                     .type = kind.type,
                     .default_text = DefaultText(field, kind, rules),
                     .doc = std::string(doc),
                     .keys = kind.keys,
                     .keys_suffix = kind.keys_suffix});
    names_.push_back(key);
    rows_.push_back(
        {.key = key,
         .rules = rules,
         .read = [field, read = kind.read](Reader& reader, const Place& place,
                                           Struct& out) { read(reader, place, Get(field, out)); },
         .write =
             [field, key, text = kind.text, write = kind.write](Writer& writer,
                                                                const Struct& from) {
               if (write) {
                 write(writer, key, Get(field, from));
               } else if (auto line = text(Get(field, from), writer.salt())) {
                 writer.Line(key, *line);
               }
             }});
    return std::move(*this);
  }

  void Read(Reader& reader, const Place& place, Struct& out) const {
    if (!reader.IsMap(place)) {
      return;
    }
    for (const Entry& entry : place.node.entries) {
      if (std::find(names_.begin(), names_.end(), entry.key) == names_.end()) {
        reader.UnknownKey(place, entry, names_);
      }
    }
    for (const Row& row : rows_) {
      ReadRow(reader, place, row, out);
    }
  }

  void Write(Writer& writer, const Struct& from) const {
    for (const Row& row : rows_) {
      if (row.rules.effective == Effective::kWritten) {
        row.write(writer, from);
      }
    }
  }

  const TableDoc& docs() const { return docs_; }

 private:
  struct Row {
    std::string_view key;
    KeyRules rules;
    std::function<void(Reader&, const Place&, Struct&)> read;
    std::function<void(Writer&, const Struct&)> write;
  };

  template <typename Field, typename S>
  static decltype(auto) Get(const Field& field, S& from) {
    return std::invoke(field, from);
  }

  template <typename Field, typename T>
  static std::string DefaultText(const Field& field, const Kind<T>& kind, const KeyRules& rules) {
    if (rules.required == Required::kYes) {
      return "required";
    }
    if (!kind.text || rules.effective == Effective::kLeftOut) {
      return "";
    }
    const Struct defaults{};
    return kind.text(Get(field, defaults), "").value_or("");
  }

  void ReadRow(Reader& reader, const Place& place, const Row& row, Struct& out) const {
    for (const Entry& entry : place.node.entries) {
      if (entry.key != row.key) {
        continue;
      }
      const bool empty = entry.value.kind == Node::Kind::kNull;
      const Place value{.node = entry.value,
                        .path = Under(place.path, row.key),
                        .position = empty ? entry.position : entry.value.position};
      if (!row.rules.excludes.empty() && place.node.Find(row.rules.excludes) != nullptr) {
        reader.AddAt(value.path, "must not stand beside " + std::string(row.rules.excludes),
                     entry.position);
        return;
      }
      row.read(reader, value, out);
      return;
    }
    if (row.rules.required == Required::kYes) {
      reader.AddAt(Under(place.path, row.key), "is missing", place.position);
    }
  }

  std::vector<Row> rows_;
  std::vector<std::string_view> names_;
  TableDoc docs_;
};

}  // namespace mainstay::config

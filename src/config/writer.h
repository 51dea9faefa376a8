#pragma once

#include <string>
#include <string_view>

namespace mainstay::config {

// Writes the effective configuration: YAML of one fixed form, so that equal configurations are
// equal texts. Text is always in double quotes, keys come in the order of the tables.
class Writer final {
 public:
  // `salt` makes the fingerprints of secrets.
  explicit Writer(std::string salt) : salt_(std::move(salt)) {}

  const std::string& salt() const { return salt_; }
  const std::string& text() const { return text_; }

  // "key: value".
  void Line(std::string_view key, std::string_view value);
  // "key:" and everything until End() one level deeper.
  void Begin(std::string_view key);
  void End();
  // The same for an item of a list of mappings: its first line gets the dash.
  void BeginItem();
  void EndItem();

 private:
  void Indent();

  std::string salt_;
  std::string text_;
  int depth_ = 0;
  bool dash_ = false;
};

// Text as YAML and JSON read it: in double quotes, with escapes.
std::string QuotedText(std::string_view text);

}  // namespace mainstay::config

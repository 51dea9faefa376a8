#include "config/writer.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace mainstay::config {

void Writer::Indent() {
  text_.append(static_cast<size_t>(depth_) * 2 - (dash_ ? 2 : 0), ' ');
  if (dash_) {
    text_ += "- ";
    dash_ = false;
  }
}

void Writer::Line(std::string_view key, std::string_view value) {
  Indent();
  text_ += key;
  text_ += ": ";
  text_ += value;
  text_ += '\n';
}

void Writer::Begin(std::string_view key) {
  Indent();
  text_ += key;
  text_ += ":\n";
  ++depth_;
}

void Writer::End() {
  --depth_;
}

void Writer::BeginItem() {
  ++depth_;
  dash_ = true;
}

void Writer::EndItem() {
  --depth_;
}

std::string QuotedText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped.data();
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace mainstay::config

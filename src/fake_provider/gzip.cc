#include "fake_provider/gzip.h"

#include <algorithm>
#include <array>

namespace mainstay::fake_provider {
namespace {

consteval std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
    }
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

void AppendLittleEndian(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
}

void AppendStoredBlock(std::string& out, std::string_view bytes, char final_bit) {
  const auto size = static_cast<uint32_t>(bytes.size());
  out += final_bit;
  AppendLittleEndian(out, size, 2);
  AppendLittleEndian(out, ~size & 0xFFFF, 2);
  out += bytes;
}

}  // namespace

void StoredGzip::AppendHeader(std::string& out) {
  constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  if (!started_) {
    out += kHeader;
    started_ = true;
  }
}

void StoredGzip::Append(std::string_view bytes, std::string& out) {
  constexpr size_t kBlockMax = 65'535;
  AppendHeader(out);
  size_ += static_cast<uint32_t>(bytes.size());
  for (const char c : bytes) {
    crc_ = kCrcTable[(crc_ ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc_ >> 8);
  }
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kBlockMax);
    AppendStoredBlock(out, block, '\0');
    bytes.remove_prefix(block.size());
  }
}

void StoredGzip::Finish(std::string& out) {
  AppendHeader(out);
  AppendStoredBlock(out, "", '\1');
  AppendLittleEndian(out, ~crc_, 4);
  AppendLittleEndian(out, size_, 4);
}

}  // namespace mainstay::fake_provider

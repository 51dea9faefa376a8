#include "decision/router/model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/flat_map.h"

namespace mainstay::decision {
namespace {

constexpr std::string_view kMagic = "MSTFTM01";
constexpr size_t kHeaderBytes = 32;
constexpr size_t kFileBytesMax = 64 << 20;

class File final {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

void AppendNumber(std::string& out, uint64_t number) {
  for (int i = 0; i < 8; ++i) {
    out += static_cast<char>(number >> (8 * i) & 0xFF);
  }
}

uint64_t NumberAt(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) {
    number |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return number;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string Why(std::string_view what, const std::string& path) {
  return std::string(what) + " " + path + ": " + std::strerror(errno);
}

}  // namespace

std::string ModelFilePath(std::string_view directory, uint64_t content_hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string path(directory);
  path += "/router-";
  for (int shift = 60; shift >= 0; shift -= 4) {
    path += kDigits[content_hash >> shift & 0xF];
  }
  path += ".model";
  return path;
}

std::optional<std::string> ReadModelFile(const std::string& path, uint64_t content_hash) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file.ok() || fstat(file.fd(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return std::nullopt;
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size < kHeaderBytes || size > kFileBytesMax) {
    return std::nullopt;
  }
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t got = read(file.fd(), bytes.data() + at, size - at);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::nullopt;
    }
    at += static_cast<size_t>(got);
  }
  const std::string_view model = std::string_view(bytes).substr(kHeaderBytes);
  if (!bytes.starts_with(kMagic) || NumberAt(bytes, 8) != content_hash ||
      NumberAt(bytes, 16) != model.size() || NumberAt(bytes, 24) != TextHash{}(model)) {
    return std::nullopt;
  }
  bytes.erase(0, kHeaderBytes);
  return bytes;
}

std::string WriteModelFile(const std::string& path, uint64_t content_hash, std::string_view model) {
  std::string bytes(kMagic);
  AppendNumber(bytes, content_hash);
  AppendNumber(bytes, model.size());
  AppendNumber(bytes, TextHash{}(model));
  bytes += model;
  // Two processes that learn the same routes at a time must not write into one file.
  std::string temporary = path + ".XXXXXX";
  const File file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.ok()) {
    return Why("cannot create", temporary);
  }
  if (!WriteAll(file.fd(), bytes) || fsync(file.fd()) != 0) {
    std::string why = Why("cannot write", temporary);
    unlink(temporary.c_str());
    return why;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    std::string why = Why("cannot rename to", path);
    unlink(temporary.c_str());
    return why;
  }
  return "";
}

}  // namespace mainstay::decision

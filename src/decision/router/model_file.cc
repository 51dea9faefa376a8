#include "decision/router/model_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/flat_map.h"
#include "base/little_endian.h"

namespace mainstay::decision {
namespace {

constexpr std::string_view kMagic = "MSTFTM01";
constexpr size_t kHeaderBytes = 32;
constexpr size_t kFileBytesMax = 64 << 20;

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kNamePrefix = "router-";
constexpr std::string_view kNameSuffix = ".model";

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

bool IsModelFileName(std::string_view name) {
  if (!name.starts_with(kNamePrefix) || !name.ends_with(kNameSuffix) ||
      name.size() != kNamePrefix.size() + 16 + kNameSuffix.size()) {
    return false;
  }
  return std::ranges::all_of(name.substr(kNamePrefix.size(), 16), [](char digit) {
    return kDigits.find(digit) != std::string_view::npos;
  });
}

// Takes away the models of other contents beside this file. They are of no use any more: their
// content would have to come back byte by byte. What cannot be taken away stays; the next one to
// write tries again.
void RemoveOthers(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string_view own = std::string_view(path).substr(slash + 1);  // npos + 1 is 0
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), &closedir);
  if (directory == nullptr) {
    return;
  }
  while (const dirent* const entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != own && IsModelFileName(name)) {
      unlinkat(dirfd(directory.get()), entry->d_name, 0);
    }
  }
}

}  // namespace

std::string ModelFilePath(std::string_view directory, uint64_t content_hash) {
  std::string path(directory);
  path += '/';
  path += kNamePrefix;
  for (int shift = 60; shift >= 0; shift -= 4) {
    path += kDigits[content_hash >> shift & 0xF];
  }
  path += kNameSuffix;
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
  std::string_view head = std::string_view(bytes).substr(kMagic.size());
  uint64_t hash = 0;
  uint64_t model_bytes = 0;
  uint64_t checksum = 0;
  if (!bytes.starts_with(kMagic) || !TakeLittleEndian(head, hash) || hash != content_hash ||
      !TakeLittleEndian(head, model_bytes) || model_bytes != model.size() ||
      !TakeLittleEndian(head, checksum) || checksum != TextHash{}(model)) {
    return std::nullopt;
  }
  bytes.erase(0, kHeaderBytes);
  return bytes;
}

std::string WriteModelFile(const std::string& path, uint64_t content_hash, std::string_view model) {
  std::string bytes(kMagic);
  AppendLittleEndian(content_hash, bytes);
  AppendLittleEndian<uint64_t>(model.size(), bytes);
  AppendLittleEndian<uint64_t>(TextHash{}(model), bytes);
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
  RemoveOthers(path);
  return "";
}

}  // namespace mainstay::decision

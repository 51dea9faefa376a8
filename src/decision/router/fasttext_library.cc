#include "decision/router/fasttext_library.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <vector>

namespace mainstay::decision {
namespace {

constexpr std::string_view kFileName = "mainstay_fasttext.so";

std::vector<std::string> Candidates(const std::string& path) {
  if (!path.empty()) {
    return {path};
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path folder = program.parent_path();
  return {(folder / kFileName).string(),
          (folder.parent_path() / "lib" / "mainstay" / kFileName).string()};
}

Error CannotOpen(const std::string& why) {
  return {.kind = ErrorKind::kInternal,
          .side = Side::kGateway,
          .message = "a router of type local needs fastText: " + why};
}

}  // namespace

Result<std::shared_ptr<const FastTextLibrary>> FastTextLibrary::Open(const std::string& path) {
  std::string why;
  for (const std::string& candidate : Candidates(path)) {
    // It stays for good: a C++ library that was closed may leave something behind that is still to
    // run. Opening it again finds the same one.
    void* const handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
      why += why.empty() ? "" : "; ";
      why += dlerror();
      continue;
    }
    using Entry = const MainstayFastTextApi* (*)();
    const auto entry = reinterpret_cast<Entry>(dlsym(handle, kFastTextEntry));
    const MainstayFastTextApi* const api = entry == nullptr ? nullptr : entry();
    dlclose(handle);
    if (api == nullptr || api->version != kFastTextApiVersion) {
      return CannotOpen(candidate + " belongs to another version of the program");
    }
    return std::shared_ptr<const FastTextLibrary>(std::make_shared<FastTextLibrary>(*api));
  }
  return CannotOpen(why);
}

}  // namespace mainstay::decision

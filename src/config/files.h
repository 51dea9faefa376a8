#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace mainstay::config {

// The bytes of a file, or an error whose message says why there are none ("does not exist", "is a
// directory", ...) and names neither the file nor what is in it. A file over `bytes_max` is an
// error. Tests and fuzzers bring their own.
using FileReader = std::function<Result<std::string>(const std::string& path, size_t bytes_max)>;

// The FileReader of the real file system. A pipe may be read as well (-c <(command)); a pipe that
// nobody writes to counts as empty. May wait for the disk or for the writer of a pipe.
Result<std::string> ReadFileFromDisk(const std::string& path, size_t bytes_max);

}  // namespace mainstay::config

#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/problems.h"
#include "config/environment.h"
#include "config/files.h"
#include "gateway/options.h"

namespace mainstay::config {

// Where loading gets from what is not in the text itself. Both functions are called from the thread
// that loads and only until it is done.
struct Sources {
  Environment environment;
  FileReader read_file;
  // Key of this installation for the fingerprints of secrets. Without one, a fingerprint would let
  // anybody who has a guess at a weak secret check it.
  std::string salt;
};

// A configuration that may be used.
struct Loaded {
  gateway::Options options;
  // The effective configuration: every key with its value, secrets as salted fingerprints, in one
  // fixed form. Equal for files that mean the same.
  std::string effective;
  std::string hash;  // 16 hex digits over `effective`
  Problems warnings;
};

// All that is wrong, in the order of the file. Nothing may be started from it.
using LoadResult = std::variant<Loaded, Problems>;

// Reads a configuration. Collects every problem there is: of the YAML, of the environment, of each
// key, and of what the values mean together. Neither problems nor the effective configuration hold
// a secret, a value of an unknown key or a value of a variable. Never throws. LoadFile reads the
// file through `sources`; a file that cannot be read is a problem that names it.
LoadResult LoadText(std::string_view text, const Sources& sources);
LoadResult LoadFile(const std::string& path, const Sources& sources);

// The text of Loaded::effective.
std::string EffectiveConfig(const gateway::Options& options, const std::string& salt);

}  // namespace mainstay::config

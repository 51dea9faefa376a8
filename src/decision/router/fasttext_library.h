#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "decision/router/fasttext_api.h"

namespace mainstay::decision {

// mainstay_fasttext.so, opened. Threads: any.
class FastTextLibrary final {
 public:
  // `path` empty: looks beside the program, then in ../lib/mainstay from there; nowhere else,
  // because what is opened here runs. Blocking.
  //
  // Errors: kInternal naming the file and the loader's reason.
  static Result<std::shared_ptr<const FastTextLibrary>> Open(const std::string& path);

  explicit FastTextLibrary(const MainstayFastTextApi& api) : api_(api) {}
  FastTextLibrary(const FastTextLibrary&) = delete;
  FastTextLibrary& operator=(const FastTextLibrary&) = delete;

  const MainstayFastTextApi& api() const { return api_; }

 private:
  const MainstayFastTextApi& api_;
};

}  // namespace mainstay::decision

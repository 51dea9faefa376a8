#pragma once

#include <cstddef>
#include <cstdint>

// What the program and mainstay_fasttext.so, which holds everything of fastText, say to each other:
// plain C, because each of the two may have a C++ library of its own. No exception comes over.
//
// Why a file apart: fastText exists as a shared library only and brings the shared C++ library with
// it. Linked to the program, the two cost 2.7 MiB of memory in every process; opened on demand,
// nothing where no local router is configured.
extern "C" {

struct MainstayFastTextModel;

// Parameters of training, as fastText names them.
struct MainstayFastTextTraining {
  const char* text;  // one example a line: __label__N, a blank, words with blanks between them
  size_t text_bytes;
  int32_t dim;
  int32_t epoch;
  int32_t minn;
  int32_t maxn;
  int32_t bucket;
  int32_t seed;
  double lr;
};

struct MainstayFastTextPrediction {
  int32_t label;  // the N of __label__N; -1 when nothing in the text says anything
  double probability;
};

// Receives bytes of a model.
using MainstayFastTextSink = void (*)(void* context, const char* bytes, size_t size);

struct MainstayFastTextApi {
  uint32_t version;
  // Null when it failed. The caller frees the model.
  MainstayFastTextModel* (*train)(const MainstayFastTextTraining* training);
  // From the bytes that `save` gave; damaged ones must not be given, fastText does not check them.
  MainstayFastTextModel* (*load)(const char* bytes, size_t size);
  // 0 when it failed.
  int (*save)(MainstayFastTextModel* model, void* context, MainstayFastTextSink sink);
  // Any number of threads at a time. 0 when it failed.
  int (*predict)(const MainstayFastTextModel* model, const char* text, size_t size,
                 MainstayFastTextPrediction* out);
  void (*free)(MainstayFastTextModel* model);
};

// The one name that mainstay_fasttext.so is asked for.
const MainstayFastTextApi* MainstayFastText();
}

namespace mainstay::decision {

// Of the program; one of another version is refused.
inline constexpr uint32_t kFastTextApiVersion = 1;
inline constexpr char kFastTextEntry[] = "MainstayFastText";

}  // namespace mainstay::decision

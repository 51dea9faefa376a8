#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "decision/router/route.h"

struct MainstayFastTextModel;

namespace mainstay::decision {

class FastTextLibrary;

// A text as the classifier reads it: words in lower case with one blank between them, punctuation
// gone, each number a 0, each character of a script without blanks a word. Longer texts than
// kClassifierTokensMax are cut in the middle. Pure.
std::string NormalizeForClassifier(std::string_view text);
inline constexpr int64_t kClassifierTokensMax = 512;

struct ClassifierOptions {
  // Where trained models are kept; empty: nowhere. The folder exists.
  std::string directory;
  // mainstay_fasttext.so; empty: beside the program, or in ../lib/mainstay from there.
  std::string library;
};

// Whether a model was trained now or read from its file.
enum class ModelOrigin : uint8_t { kTrained, kLoaded };

// Tells texts apart by what their route's descriptions and examples look like (spec 04 §4): a
// fastText classifier, trained with a fixed seed on one thread, so that equal routes always give
// the same model. Trained on few texts, it knows words and parts of words, not meanings.
//
// Threads: Make blocks, for 0.1 s with five routes and about 1 s with a hundred, and reads and
// writes files; call it where that does no harm. The object is immutable: any thread, no blocking.
class TextClassifier final {
 public:
  struct Guess {
    int route = -1;  // -1: nothing in the text says anything
    double probability = 0;
  };

  // Learns the routes, or reads from the directory what it learned of the same routes before. A
  // file that is damaged is replaced; one that cannot be written is done without, see
  // write_problem().
  //
  // Errors: kInternal, side gateway, when there is nothing to learn from, when mainstay_fasttext.so
  // or fastText cannot be opened, or when fastText failed.
  static Result<std::shared_ptr<const TextClassifier>> Make(std::span<const Route> routes,
                                                            const ClassifierOptions& options);
  ~TextClassifier();
  TextClassifier(const TextClassifier&) = delete;
  TextClassifier& operator=(const TextClassifier&) = delete;

  // The likeliest route and how likely it is by itself: the probabilities of all routes need not
  // add up to 1.
  Guess Judge(std::string_view text) const;

  // HashOf the routes that were learned.
  uint64_t routes_hash() const { return routes_hash_; }
  ModelOrigin origin() const { return origin_; }
  // Why the model could not be kept in a file; empty when it was, or should not be.
  const std::string& write_problem() const { return write_problem_; }

 private:
  TextClassifier(std::shared_ptr<const FastTextLibrary> library, MainstayFastTextModel* model,
                 uint64_t routes_hash, ModelOrigin origin)
      : library_(std::move(library)), model_(model), routes_hash_(routes_hash), origin_(origin) {}

  std::shared_ptr<const FastTextLibrary> library_;  // shared by all models that it made
  MainstayFastTextModel* model_;
  const uint64_t routes_hash_;
  const ModelOrigin origin_;
  std::string write_problem_;
};

}  // namespace mainstay::decision

#include "decision/router/text_classifier.h"

#include <algorithm>
#include <utility>

#include "base/flat_map.h"
#include "base/utf8.h"
#include "decision/router/conversation.h"
#include "decision/router/fasttext_library.h"
#include "decision/router/model_file.h"

namespace mainstay::decision {
namespace {

// Found by trying on the held-out sentences of the fixtures. Parts of words of four to six letters
// let "scripts" pass for "script"; pairs of words, more dimensions or more epochs bring nothing
// with a dozen examples for each route. 50,000 buckets of 16 numbers are 3.2 MB.
constexpr MainstayFastTextTraining kTraining = {.text = nullptr,
                                                .text_bytes = 0,
                                                .dim = 16,
                                                .epoch = 200,
                                                .minn = 4,
                                                .maxn = 6,
                                                .bucket = 50'000,
                                                .seed = 1,
                                                .lr = 1.0};
// Part of the content of a model file: increase it when the training text is made in another way,
// or NormalizeForClassifier changes.
constexpr std::string_view kTextFormat = "1";

// Examples beyond it are left out, of all routes alike: so many are more than a router needs, and
// the time to learn them has to end.
constexpr size_t kTrainingBytesMax = 256 << 10;
// So many tokens in all examples of all epochs take about a second.
constexpr int64_t kWordsOfAllEpochsMax = 1'000'000;
constexpr int32_t kEpochsMin = 5;

enum class CharacterClass : uint8_t { kWord, kDigit, kBetween, kWordByItself };

// Folds the letters of Latin-1 and Cyrillic, for which that is one addition.
void AppendLowerTwoBytes(unsigned char lead, unsigned char next, std::string& out) {
  if (lead == 0xC3 && next >= 0x80 && next <= 0x9E && next != 0x97) {
    next = static_cast<unsigned char>(next + 0x20);
  } else if (lead == 0xD0 && next >= 0x90 && next <= 0x9F) {
    next = static_cast<unsigned char>(next + 0x20);
  } else if (lead == 0xD0 && next >= 0xA0 && next <= 0xAF) {
    lead = 0xD1;
    next = static_cast<unsigned char>(next - 0x20);
  }
  out += static_cast<char>(lead);
  out += static_cast<char>(next);
}

CharacterClass ClassOf(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (lead >= 'a' && lead <= 'z') {
    return CharacterClass::kWord;
  }
  if (lead >= 'A' && lead <= 'Z') {
    return CharacterClass::kWord;
  }
  if (lead >= '0' && lead <= '9') {
    return CharacterClass::kDigit;
  }
  // Latin-1 punctuation; general punctuation, arrows, box drawing and the like; ideographs.
  if (character.size() == 1 || lead == 0xC2 || lead == 0xE2) {
    return CharacterClass::kBetween;
  }
  return lead >= 0xE3 ? CharacterClass::kWordByItself : CharacterClass::kWord;
}

void AppendBlank(std::string& out) {
  if (!out.empty() && out.back() != ' ') {
    out += ' ';
  }
}

// One example for the label, unless nothing of the text is left.
void AppendExample(size_t label, std::string_view text, std::string& out) {
  const std::string words = NormalizeForClassifier(text);
  if (!words.empty() && out.size() + words.size() < kTrainingBytesMax) {
    out += "__label__" + std::to_string(label) + " " + words + "\n";
  }
}

// The examples; the description as a whole and each of its phrases; the name.
std::string TrainingText(std::span<const Route> routes) {
  std::string text;
  // In turns, so that the limit takes from all routes alike.
  for (size_t i = 0; i < routes.size(); ++i) {
    AppendExample(i, routes[i].description, text);
    std::string_view rest = routes[i].description;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find_first_of(",;."), rest.size());
      AppendExample(i, rest.substr(0, end), text);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    AppendExample(i, routes[i].name, text);
  }
  size_t longest = 0;
  for (const Route& route : routes) {
    longest = std::max(longest, route.examples.size());
  }
  for (size_t example = 0; example < longest; ++example) {
    for (size_t i = 0; i < routes.size(); ++i) {
      if (example < routes[i].examples.size()) {
        AppendExample(i, routes[i].examples[example], text);
      }
    }
  }
  return text;
}

// Many examples need fewer rounds, which keeps the time within bounds.
int32_t EpochsFor(std::string_view text) {
  const int64_t words = std::max<int64_t>(
      1, std::ranges::count_if(text, [](char c) { return c == ' ' || c == '\n'; }));
  return static_cast<int32_t>(
      std::clamp<int64_t>(kWordsOfAllEpochsMax / words, kEpochsMin, kTraining.epoch));
}

uint64_t ContentHash(const MainstayFastTextTraining& training, std::string_view text) {
  std::string content(kTextFormat);
  for (const int32_t number : {training.dim, training.epoch, training.minn, training.maxn,
                               training.bucket, training.seed}) {
    content += ' ' + std::to_string(number);
  }
  content += ' ' + std::to_string(training.lr) + '\n';
  content += text;
  return TextHash{}(content);
}

Error Failed(std::string message) {
  return {.kind = ErrorKind::kInternal, .side = Side::kGateway, .message = std::move(message)};
}

}  // namespace

std::string NormalizeForClassifier(std::string_view text) {
  std::string cut;
  AppendCutInMiddle(text, kClassifierTokensMax, cut);
  std::string out;
  CharacterClass last = CharacterClass::kBetween;
  for (size_t at = 0; at < cut.size();) {
    const int length = Utf8Length(cut.data() + at, cut.data() + cut.size());
    const std::string_view character =
        std::string_view(cut).substr(at, static_cast<size_t>(std::max(length, 1)));
    at += character.size();
    const CharacterClass kind = ClassOf(character);
    if (kind == CharacterClass::kBetween || kind == CharacterClass::kWordByItself ||
        last == CharacterClass::kWordByItself) {
      AppendBlank(out);
    }
    if (kind == CharacterClass::kDigit) {
      if (last != CharacterClass::kDigit) {
        out += '0';
      }
    } else if (kind != CharacterClass::kBetween) {
      if (character.size() == 1) {
        out += static_cast<char>(character[0] | 0x20);
      } else if (character.size() == 2) {
        AppendLowerTwoBytes(static_cast<unsigned char>(character[0]),
                            static_cast<unsigned char>(character[1]), out);
      } else {
        out += character;
      }
    }
    last = kind;
  }
  if (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  return out;
}

Result<std::shared_ptr<const TextClassifier>> TextClassifier::Make(
    std::span<const Route> routes, const ClassifierOptions& options) {
  const std::string text = TrainingText(routes);
  if (text.empty()) {
    return Failed("a router of type local has nothing to learn from: describe the preferences");
  }
  MS_TRY(std::shared_ptr<const FastTextLibrary> library, FastTextLibrary::Open(options.library));
  MainstayFastTextTraining training = kTraining;
  training.text = text.data();
  training.text_bytes = text.size();
  training.epoch = EpochsFor(text);
  const uint64_t content_hash = ContentHash(training, text);
  const std::string path =
      options.directory.empty() ? "" : ModelFilePath(options.directory, content_hash);

  MainstayFastTextModel* model = nullptr;
  ModelOrigin origin = ModelOrigin::kLoaded;
  if (!path.empty()) {
    if (const std::optional<std::string> bytes = ReadModelFile(path, content_hash)) {
      model = library->api().load(bytes->data(), bytes->size());
    }
  }
  std::string write_problem;
  if (model == nullptr) {
    origin = ModelOrigin::kTrained;
    model = library->api().train(&training);
    if (model == nullptr) {
      return Failed("fastText could not be trained on the descriptions of the preferences");
    }
    if (!path.empty()) {
      std::string bytes;
      const int saved =
          library->api().save(model, &bytes, [](void* context, const char* piece, size_t size) {
            static_cast<std::string*>(context)->append(piece, size);
          });
      write_problem = saved == 0 ? "fastText could not write its model"
                                 : WriteModelFile(path, content_hash, bytes);
    }
  }
  std::shared_ptr<TextClassifier> made(
      new TextClassifier(std::move(library), model, HashOf(routes), origin));
  made->write_problem_ = std::move(write_problem);
  return std::shared_ptr<const TextClassifier>(std::move(made));
}

TextClassifier::~TextClassifier() {
  library_->api().free(model_);
}

TextClassifier::Guess TextClassifier::Judge(std::string_view text) const {
  const std::string words = NormalizeForClassifier(text) + "\n";
  MainstayFastTextPrediction best{};
  if (library_->api().predict(model_, words.data(), words.size(), &best) == 0 || best.label < 0) {
    return {};
  }
  // fastText adds a hundred-thousandth before it takes the logarithm.
  return {.route = best.label, .probability = std::clamp(best.probability, 0.0, 1.0)};
}

}  // namespace mainstay::decision

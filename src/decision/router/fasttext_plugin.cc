// mainstay_fasttext.so: fastText behind a C interface. The only file that sees its headers.
#include <fasttext/fasttext.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <istream>
#include <memory>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decision/router/fasttext_api.h"

struct MainstayFastTextModel {
  fasttext::FastText classifier;
};

namespace {

constexpr std::string_view kLabel = "__label__";

// A file without a name: fastText reads and writes files only, and no text of the configuration
// should lie around on a disk.
class MemoryFile final {
 public:
  MemoryFile() : fd_(memfd_create("mainstay-fasttext", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  bool ok() const { return fd_ >= 0; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  bool Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }
  bool Read(void* context, MainstayFastTextSink sink) const {
    std::array<char, 1 << 16> bytes;
    off_t at = 0;
    while (true) {
      const ssize_t got = pread(fd_, bytes.data(), bytes.size(), at);
      if (got <= 0) {
        return got == 0;
      }
      sink(context, bytes.data(), static_cast<size_t>(got));
      at += got;
    }
  }

 private:
  int fd_;
};

// A stream over bytes that somebody else holds.
class View final : public std::streambuf {
 public:
  explicit View(std::string_view bytes) {
    char* const begin = const_cast<char*>(bytes.data());  // NOLINT: only read
    setg(begin, begin, begin + bytes.size());
  }

 protected:
  // fastText goes back to the beginning when it starts.
  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
    char* const base = from == std::ios_base::beg   ? eback()
                       : from == std::ios_base::cur ? gptr()
                                                    : egptr();
    if (offset < eback() - base || offset > egptr() - base) {
      return pos_type(off_type(-1));
    }
    setg(eback(), base + offset, egptr());
    return pos_type(gptr() - eback());
  }
  pos_type seekpos(pos_type position, std::ios_base::openmode mode) override {
    return seekoff(off_type(position), std::ios_base::beg, mode);
  }
};

// Gives what the function gives, or `otherwise` when fastText throws.
template <typename Value, typename Function>
Value Guard(Value otherwise, Function&& function) noexcept {
  try {
    return function();
  } catch (...) {
    return otherwise;
  }
}

MainstayFastTextModel* Train(const MainstayFastTextTraining* training) {
  return Guard<MainstayFastTextModel*>(nullptr, [&]() -> MainstayFastTextModel* {
    const MemoryFile text;
    if (!text.ok() || !text.Write({training->text, training->text_bytes})) {
      return nullptr;
    }
    fasttext::Args args;
    args.input = text.path();
    args.model = fasttext::model_name::sup;
    // Each label gets a probability of its own, so that a text which fits none gets low ones.
    args.loss = fasttext::loss_name::ova;
    args.label = kLabel;
    args.dim = training->dim;
    args.epoch = training->epoch;
    args.lr = training->lr;
    args.wordNgrams = 1;
    args.minn = training->minn;
    args.maxn = training->maxn;
    args.bucket = training->bucket;
    args.minCount = 1;
    args.minCountLabel = 0;
    args.seed = training->seed;
    args.thread = 1;  // more would race, and learn something else each time
    args.verbose = 0;
    const MemoryFile file;
    if (!file.ok()) {
      return nullptr;
    }
    {
      fasttext::FastText trained;
      trained.train(args);
      trained.saveModel(file.path());
    }
    // While it learns, the dictionary has room for thirty million words, 120 MB; once it has been
    // read from a file, for those that it has.
    auto model = std::make_unique<MainstayFastTextModel>();
    model->classifier.loadModel(file.path());
    return model.release();
  });
}

MainstayFastTextModel* Load(const char* bytes, size_t size) {
  return Guard<MainstayFastTextModel*>(nullptr, [&]() -> MainstayFastTextModel* {
    const MemoryFile file;
    if (!file.ok() || !file.Write({bytes, size})) {
      return nullptr;
    }
    auto model = std::make_unique<MainstayFastTextModel>();
    model->classifier.loadModel(file.path());
    return model.release();
  });
}

int Save(MainstayFastTextModel* model, void* context, MainstayFastTextSink sink) {
  return Guard(0, [&] {
    const MemoryFile file;
    if (!file.ok()) {
      return 0;
    }
    model->classifier.saveModel(file.path());
    return file.Read(context, sink) ? 1 : 0;
  });
}

int Predict(const MainstayFastTextModel* model, const char* text, size_t size,
            MainstayFastTextPrediction* out) {
  return Guard(0, [&] {
    View view({text, size});
    std::istream in(&view);
    std::vector<std::pair<fasttext::real, std::string>> best;
    *out = {.label = -1, .probability = 0};
    if (model->classifier.predictLine(in, best, 1, 0) && !best.empty()) {
      out->label = std::stoi(best[0].second.substr(kLabel.size()));
      out->probability = best[0].first;
    }
    return 1;
  });
}

void Free(MainstayFastTextModel* model) {
  delete model;
}

constexpr MainstayFastTextApi kApi = {.version = mainstay::decision::kFastTextApiVersion,
                                      .train = &Train,
                                      .load = &Load,
                                      .save = &Save,
                                      .predict = &Predict,
                                      .free = &Free};

}  // namespace

const MainstayFastTextApi* MainstayFastText() {
  return &kApi;
}

#include "decision/decide.h"

#include <algorithm>
#include <span>
#include <string>

namespace mainstay::decision {
namespace {

// Letters and a little more than that of a token, as the budget of a context window needs it: about
// four bytes make one.
constexpr size_t kBytesPerToken = 4;

void Begin(std::string_view decision, Reason reason, BaseDecision& out) {
  out.decision = decision;
  out.candidates.clear();
  out.dropped.clear();
  out.reason = reason;
}

struct Need {
  Capability capability;
  std::string_view reason;
  bool (*is_there)(const RequestFacts& facts);
};
constexpr Need kNeeds[] = {
    {Capability::kVision, "capability_vision", [](const RequestFacts& f) { return f.images > 0; }},
    {Capability::kAudio, "capability_audio",
     [](const RequestFacts& f) { return f.audio_parts > 0; }},
    {Capability::kTools, "capability_tools", [](const RequestFacts& f) { return f.tools > 0; }},
    {Capability::kJson, "capability_json", [](const RequestFacts& f) { return f.json_schema; }},
};

// By insertion: there are few, and those that are equal stay in their order. The times may change
// meanwhile, so that each is read once.
void SortFastestFirst(std::span<Candidate> candidates) {
  for (Candidate& candidate : candidates) {
    candidate.score = static_cast<double>(candidate.model->first_token->mean().count());
  }
  for (size_t i = 1; i < candidates.size(); ++i) {
    const auto at = candidates.begin() + static_cast<ptrdiff_t>(i);
    const auto place =
        std::upper_bound(candidates.begin(), at, at->score,
                         [](double score, const Candidate& other) { return score < other.score; });
    std::rotate(place, at, at + 1);
  }
}

}  // namespace

Result<Requested> Resolve(std::string_view name, const Catalog& catalog, const Options& options) {
  const Model* const model = catalog.Find(name);
  if (model != nullptr) {
    return Requested{.model = model};
  }
  const bool is_auto = std::ranges::find(options.auto_models, name) != options.auto_models.end();
  const Model* const fallback = catalog.Find(options.default_model);
  if (is_auto || (options.unknown_model == UnknownModel::kDefault && fallback != nullptr)) {
    return Requested{.model = fallback, .reason = Reason::kDefaultModel, .is_auto = is_auto};
  }
  return Error{.kind = ErrorKind::kModelNotFound,
               .side = Side::kClient,
               .message = "the model '" + std::string(name) +
                          "' is not configured here; GET /v1/models lists those that are",
               .param = "model"};
}

Result<void> ServeRequested(const Requested& requested, Reason reason, BaseDecision& out) {
  const bool own = reason == Reason::kRequestedModel || reason == Reason::kDefaultModel;
  Begin({}, own ? requested.reason : reason, out);
  if (requested.model == nullptr) {
    return Error{.kind = ErrorKind::kModelNotFound,
                 .side = Side::kClient,
                 .message =
                     "nothing chose a model for this request, and there is no default; name "
                     "a model, or set routing.default_model",
                 .param = "model"};
  }
  out.candidates.push_back({.model = requested.model, .score = 1.0});
  return {};
}

bool RankModels(std::string_view decision, const Ranking& ranking, const Model* first,
                const Request& request, Reason reason, BaseDecision& out) {
  Begin(decision, reason, out);
  const auto add = [&](const Model* model) {
    if (const std::string_view why = WhyNot(*model, request); !why.empty()) {
      out.dropped.push_back({.model = model, .reason = why});
    } else {
      out.candidates.push_back({.model = model});
    }
  };
  if (first != nullptr) {
    add(first);
  }
  const size_t placed = out.candidates.size();
  for (const Model* const model : ranking.models) {
    if (model != first) {
      add(model);
    }
  }
  if (ranking.prefer == Prefer::kFastest) {
    SortFastestFirst(std::span(out.candidates).subspan(placed));
  }
  const auto count = static_cast<double>(out.candidates.size());
  for (size_t i = 0; i < out.candidates.size(); ++i) {
    out.candidates[i].score = (count - static_cast<double>(i)) / count;
  }
  return !out.candidates.empty();
}

std::string_view WhyNot(const Model& model, const Request& request) {
  if (!model.served) {
    return "disabled";
  }
  const std::vector<Capability>& has = model.options.capabilities;
  for (const Need& need : kNeeds) {
    if (!has.empty() && need.is_there(request.facts) &&
        std::ranges::find(has, need.capability) == has.end()) {
      return need.reason;
    }
  }
  if (model.options.context_window) {
    const auto tokens = static_cast<int64_t>(request.facts.text_bytes / kBytesPerToken);
    if (tokens + request.facts.max_tokens.value_or(0) > *model.options.context_window) {
      return "context_window";
    }
  }
  return {};
}

}  // namespace mainstay::decision

#pragma once

#include <string_view>

#include "base/result.h"
#include "decision/options.h"
#include "decision/preferences.h"
#include "model/catalog.h"
#include "model/exchange.h"

// What a request would get on its own (spec 04 §1): pure functions of the request, the catalog and
// the options. Each overwrites `out` and uses its memory again.
namespace mainstay::decision {

// What the model name of a request stands for.
struct Requested {
  const Model* model = nullptr;  // null: an auto model, and there is no default
  Reason reason = Reason::kRequestedModel;
  bool is_auto = false;
};

// Errors: kModelNotFound for a name that nobody configured, unless there is a default for those.
Result<Requested> Resolve(std::string_view name, const Catalog& catalog, const Options& options);

// The requested model, or the default in its place. kRequestedModel and kDefaultModel as `reason`
// stand for whichever of the two it is.
//
// Errors: kModelNotFound for an auto model without a default.
Result<void> ServeRequested(const Requested& requested, Reason reason, BaseDecision& out);

// The models of a decision, in its order, with scores that fall from 1 by their place. Those that
// cannot take the request are dropped and say why: `first` comes before the others when it is
// given. False when none is left.
bool RankModels(std::string_view decision, const Ranking& ranking, const Model* first,
                const Request& request, Reason reason, BaseDecision& out);

// What keeps the model from serving the request: `disabled` when nothing enabled serves it,
// `context_window`, `capability_<name>`; empty when nothing does. A model without a list of
// capabilities is taken to have all of them.
std::string_view WhyNot(const Model& model, const Request& request);

}  // namespace mainstay::decision

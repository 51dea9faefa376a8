#include "account/choose.h"

#include <string>

namespace mainstay::account {

Result<void> Choose(const Verdict& verdict, uint64_t turn, std::vector<Choice>& out) {
  out.clear();
  for (const Model* model : verdict.models) {
    const std::vector<Target>& targets = model->provider->targets;
    for (size_t i = 0; i < targets.size(); ++i) {
      const Target& target = targets[(turn % targets.size() + i) % targets.size()];
      if (target.enabled && target.Serves(model->name)) {
        out.push_back({.model = model, .target = &target});
      }
    }
  }
  if (out.empty()) {
    return Error{
        .kind = ErrorKind::kNoAccountForModel,
        .side = Side::kGateway,
        .retry = Retry::kLater,
        .message = "no enabled account serves the model '" + verdict.models.front()->name + "'",
        .param = "model"};
  }
  return {};
}

}  // namespace mainstay::account

#include "model/exchange.h"

#include <utility>

namespace mainstay {

void Exchange::Clear() {
  auto keep = [](auto& list) {
    list.clear();
    return std::move(list);
  };
  Exchange fresh;
  fresh.base.candidates = keep(base.candidates);
  fresh.base.dropped = keep(base.dropped);
  fresh.verdict.models = keep(verdict.models);
  history.Clear();
  fresh.history = std::move(history);
  fresh.attempts = keep(attempts);
  *this = std::move(fresh);
}

}  // namespace mainstay

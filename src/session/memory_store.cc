#include "session/memory_store.h"

namespace mainstay::session {
namespace {

class MemoryStore final : public StateStore {
 public:
  Engine engine() const override { return Engine::kMemory; }
  const HashKey& install_key() const override { return install_key_; }

 private:
  const HashKey install_key_ = HashKey::FromSystem();
};

}  // namespace

std::unique_ptr<StateStore> MakeMemoryStore() {
  return std::make_unique<MemoryStore>();
}

}  // namespace mainstay::session

#include "session/memory_store.h"

namespace mainstay::session {
namespace {

// What is put is kept by those who put it, in their own tables; a copy here would serve nobody.
class MemoryStore final : public StateStore {
 public:
  Engine engine() const override { return Engine::kMemory; }
  bool KeepsRecords() const override { return false; }
  const HashKey& install_key() const override { return install_key_; }

  void Put(RecordKind, const RecordKey&, std::string_view) override {}
  void Erase(RecordKind, const RecordKey&) override {}
  void Load(RecordKind, const Visitor&) override {}
  void Flush() override {}
  StoreStats stats() const override { return {}; }

 private:
  const HashKey install_key_ = HashKey::FromSystem();
};

}  // namespace

std::unique_ptr<StateStore> MakeMemoryStore() {
  return std::make_unique<MemoryStore>();
}

}  // namespace mainstay::session

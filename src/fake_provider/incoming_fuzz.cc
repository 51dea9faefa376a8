#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fake_provider/answer.h"
#include "fake_provider/incoming.h"
#include "fake_provider/padded.h"
#include "fake_provider/script.h"

namespace mainstay::fake_provider {
namespace {

// Any body is refused or answered, for each operation, and any text is a script or has problems.
void TestOneInput(std::string_view text) {
  const Padded body(text);
  for (const Operation operation :
       {Operation::kChat, Operation::kCompletions, Operation::kEmbeddings}) {
    const Result<Incoming> request = ReadIncoming(operation, body.view(), 4);
    if (request && request->inputs.size() < 16) {
      const Answer answer = MakeAnswer(*request, {}, {.id = "1"});
      MS_CHECK(answer.status == 200 && !answer.body.empty());
      MS_CHECK(answer.event_ends.empty() || answer.event_ends.back() == answer.body.size());
    }
  }
  Problems problems;
  ReadScript(body.view(), problems);
}

}  // namespace
}  // namespace mainstay::fake_provider

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mainstay::fake_provider::TestOneInput({reinterpret_cast<const char*>(data), size});
  return 0;
}

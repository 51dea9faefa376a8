// Preferences in the body of a request: a stranger writes them. Whatever the bytes are, they are
// read or refused, and what was read can be ranked.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/json_reader.h"
#include "decision/inline_preferences.h"
#include "decision/preferences.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const mainstay::Catalog catalog(mainstay::CatalogOptions{
      .providers = {{.name = "p", .base_url = "http://h"}},
      .models = {{.name = "p/a", .provider = "p"}, {.name = "p/b", .provider = "p"}}});
  std::string text(reinterpret_cast<const char*>(data), size);
  text.append(mainstay::json::kPadding, '\0');
  const auto read = mainstay::decision::ReadInlinePreferences(
      std::string_view(text).substr(0, size), catalog, mainstay::CallerView{.name = "c"});
  if (!read) {
    MS_CHECK(!read.error().message.empty());
    return 0;
  }
  const mainstay::decision::Preferences preferences(*read, catalog);
  for (size_t i = 0; i < read->size(); ++i) {
    const int route = preferences.Find((*read)[i].route.name);
    MS_CHECK(route == static_cast<int>(i));
    MS_CHECK(!preferences.ranking(route).models.empty());
  }
  return 0;
}

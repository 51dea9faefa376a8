#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/import/draft.h"
#include "config/import/plano_providers.h"
#include "config/import/source.h"

namespace mainstay::config {

// A route that a model provider of the file declares for itself.
struct PlanoInlineRoute {
  std::string name;
  std::string description;
  std::string model;  // configured name
  Origin origin;
};

// The model providers of a Plano file, which become providers and models of the draft: each entry
// is a model, and those that share address, key and headers share a provider. One thread.
class PlanoModels final {
 public:
  // Both outlive this. `router_called` is how the file calls the model that judges its routes, or
  // empty.
  PlanoModels(ImportSource& source, Draft& draft, std::optional<DraftText> router_called);

  void Read(const ImportItem& list);

  // The configured name of what the file calls a model: with its prefix, without it, or by the name
  // of its entry. A model that only a wildcard covers is added. nullopt: there is none.
  std::optional<std::string> Resolve(const std::string& called, const Origin& origin);

  void AddAlias(const DraftText& alias, const std::string& model);

  const std::vector<PlanoInlineRoute>& inline_routes() const { return inline_routes_; }

 private:
  struct Entry {
    std::string name;  // how clients call the model
    std::string prefix;
    std::string id;  // how the provider calls it
    const PlanoProvider* row = nullptr;
    std::string base_url;
    std::string api_key;
    bool passes = false;  // the client's own key goes to the provider
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::chrono::milliseconds> connect;
  };

  void ReadEntry(const ImportItem& item);
  bool ReadName(const ImportItem& item, Entry& entry);
  bool ReadAddress(const ImportItem& item, Entry& entry);
  std::string ResolveEndpoint(const std::string& base_url, Entry& entry);
  void ReadKey(const ImportItem& item, Entry& entry);
  void ReadHeaders(const ImportItem& item, Entry& entry);
  void ReadModel(const ImportItem& item, const Entry& entry, const std::string& provider);
  void ReadInlineRoutes(const ImportItem& item, const std::string& model);
  bool TakeAsRouter(const ImportItem& item, const Entry& entry, const std::string& called);
  std::string ProviderFor(const ImportItem& item, const Entry& entry);
  void AddModel(const std::string& name, const std::string& provider, const Origin& origin);
  void SettlePassThrough();
  std::string VariableFor(const std::string& secret, const std::string& stem);

  ImportSource& source_;
  Draft& draft_;
  std::optional<DraftText> router_called_;
  std::vector<PlanoInlineRoute> inline_routes_;
  std::map<std::string, std::string> provider_by_content_;
  std::map<std::string, int> uses_of_name_;
  std::map<std::string, Origin> passing_;  // provider → where it says so
  std::map<std::string, size_t> models_;   // name or alias → index in the draft
  std::map<std::string, std::vector<size_t>> bare_names_;
  std::map<std::string, std::string> wildcards_;  // prefix → provider
  std::map<std::string, std::string> variables_;  // literal secret → variable
  std::map<std::string, std::string> secrets_;    // and back
};

}  // namespace mainstay::config

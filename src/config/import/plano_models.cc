#include "config/import/plano_models.h"

#include <algorithm>

namespace mainstay::config {
namespace {

// Headers whose values are taken for credentials.
constexpr std::string_view kSecretWords[] = {"auth",   "key",    "token",    "secret",
                                             "cookie", "passwd", "password", "credential"};
constexpr size_t kVariableBytesMax = 48;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool MayHoldSecret(std::string_view header) {
  const std::string lower = Lower(header);
  return std::ranges::any_of(
      kSecretWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// The text as the name of an environment variable.
std::string VariableName(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, kVariableBytesMax)) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
  }
  return name.empty() || (name[0] >= '0' && name[0] <= '9') ? "_" + name : name;
}

}  // namespace

PlanoModels::PlanoModels(ImportSource& source, Draft& draft, std::optional<DraftText> router_called)
    : source_(source), draft_(draft), router_called_(std::move(router_called)) {}

void PlanoModels::Read(const ImportItem& list) {
  for (const ImportItem& item : list.Items()) {
    ReadEntry(item);
  }
  SettlePassThrough();
}

void PlanoModels::ReadEntry(const ImportItem& item) {
  Entry entry;
  if (!ReadName(item, entry) || !ReadAddress(item, entry)) {
    return;
  }
  ReadKey(item, entry);
  ReadHeaders(item, entry);
  const std::string called = item.TakeText("name").value_or(entry.name);
  if (TakeAsRouter(item, entry, called)) {
    return;
  }
  const std::string provider = ProviderFor(item, entry);
  if (entry.id == "*") {
    wildcards_.emplace(entry.prefix, provider);
    item.Differs("a wildcard has no equivalent: add each model that clients ask for to models");
    if (item.TakeFlag("default")) {
      item.Differs("a wildcard cannot be the default model");
    }
    return;
  }
  if (models_.contains(entry.name)) {
    item.LeaveOut("is left out: " + Printable(entry.name) + " is there already");
    return;
  }
  ReadModel(item, entry, provider);
  if (called != entry.name && called != entry.id) {
    AddAlias({.text = called, .origin = item.origin()}, entry.name);
  }
}

// False when the entry cannot be served, which has then been listed.
bool PlanoModels::ReadName(const ImportItem& item, Entry& entry) {
  const std::optional<std::string> model = item.TakeText("model");
  if (!model || model->empty()) {
    item.LeaveOut("has no model, so nothing was made of it");
    return false;
  }
  std::optional<ImportItem> interface = item.Take("provider_interface");
  if (!interface) {
    interface = item.Take("provider");  // before 0.2
  }
  const std::string speaks = interface ? interface->Text().value_or("") : "";
  const size_t slash = model->find('/');
  entry.prefix = slash == std::string::npos ? speaks : model->substr(0, slash);
  entry.id = slash == std::string::npos ? *model : model->substr(slash + 1);
  entry.name = entry.prefix.empty() ? entry.id : entry.prefix + "/" + entry.id;
  entry.row = FindPlanoProvider(entry.prefix);
  if (entry.row == nullptr) {
    const PlanoProvider* row = FindPlanoProvider(speaks);
    entry.row = row == nullptr ? FindPlanoProvider("custom") : row;
  } else if (!speaks.empty() && speaks != entry.prefix) {
    interface->Differs("is not needed: the prefix of the model says it");
  }
  if (!entry.row->refusal.empty()) {
    item.LeaveOut(std::string(entry.row->refusal));
    return false;
  }
  return true;
}

bool PlanoModels::ReadAddress(const ImportItem& item, Entry& entry) {
  std::optional<ImportItem> base_url = item.Take("base_url");
  const std::string given = base_url ? base_url->Text().value_or("") : "";
  // A family's own host is not where a model of another prefix is.
  if (given.empty() && (entry.row->host.empty() || entry.row->prefix != entry.prefix)) {
    item.LeaveOut(IsPlanoRouterPrefix(entry.prefix)
                      ? "is left out: it is hosted by Plano's makers; the file names no base_url "
                        "for it"
                      : "is left out: the file does not say where it is, with base_url");
    return false;
  }
  const PlanoAddress address = AddressOf(*entry.row, ResolveEndpoint(given, entry));
  entry.base_url = address.base_url;
  if (address.had_credentials) {
    base_url->Differs(
        "the user name and password in it were left out; give them as an "
        "Authorization header of the provider");
  }
  if (address.had_query) {
    base_url->Differs("its query was left out: base_url has none");
  }
  if (const std::optional<ImportItem> host = item.Take("http_host")) {
    const std::string_view authority = AuthorityOf(entry.base_url);
    const std::string wanted = host->Text().value_or("");
    if (wanted != authority && wanted != authority.substr(0, authority.rfind(':'))) {
      host->Differs("has no equivalent: the Host header is always that of base_url");
    }
  }
  return true;
}

// base_url with the name of an entry of `endpoints` replaced by what that entry says.
std::string PlanoModels::ResolveEndpoint(const std::string& base_url, Entry& entry) {
  const Node* endpoints = source_.root().Find("endpoints");
  const std::string name(AuthorityOf(base_url));
  if (name.empty() || endpoints == nullptr || endpoints->Find(name) == nullptr) {
    return base_url;
  }
  const ImportItem root(source_);
  const std::optional<ImportItem> list = root.Take("endpoints");
  const std::optional<ImportItem> item = list ? list->Take(name) : std::nullopt;
  const std::string address = item ? item->TakeText("endpoint").value_or("") : "";
  if (address.empty()) {
    return base_url;
  }
  if (const std::optional<ImportItem> connect = item->Take("connect_timeout")) {
    entry.connect = connect->Duration();
  }
  const size_t start = base_url.find(name);
  const std::optional<std::string> scheme = item->TakeText("protocol");
  return (scheme ? *scheme + "://" : base_url.substr(0, start)) + address +
         base_url.substr(start + name.size());
}

void PlanoModels::ReadKey(const ImportItem& item, Entry& entry) {
  const std::optional<ImportItem> key = item.Take("access_key");
  entry.passes = item.TakeFlag("passthrough_auth");
  if (!key) {
    return;
  }
  const std::string text = key->Text().value_or("");
  if (entry.passes) {
    key->Differs("is not used beside passthrough_auth, as in Plano");
    return;
  }
  if (text.empty() || IsOnlyReferences(text)) {
    entry.api_key = text;
    return;
  }
  const std::string variable = VariableFor(text, VariableName(entry.prefix) + "_API_KEY");
  entry.api_key = "${" + variable + "}";
  key->Differs("is a secret in the file, which is not copied: set the variable " + variable +
               " to it, or use api_key_file");
}

void PlanoModels::ReadHeaders(const ImportItem& item, Entry& entry) {
  const std::optional<ImportItem> headers = item.Take("headers");
  if (!headers) {
    return;
  }
  for (const ImportItem& header : headers->Entries()) {
    std::optional<std::string> value = header.Text();
    if (!value) {
      continue;
    }
    if (MayHoldSecret(header.key()) && !IsOnlyReferences(*value)) {
      const std::string variable =
          VariableFor(*value, VariableName(entry.prefix + "_" + header.key()));
      header.Differs("may be a secret, which is not copied: set the variable " + variable +
                     " to its value");
      value = "${" + variable + "}";
    }
    entry.headers.emplace_back(header.key(), *std::move(value));
  }
}

// The variable that stands for a secret of the file: one that the file does not use for another.
std::string PlanoModels::VariableFor(const std::string& secret, const std::string& stem) {
  if (const auto known = variables_.find(secret); known != variables_.end()) {
    return known->second;
  }
  std::string name = stem;
  for (int n = 2; source_.RefersTo(name) || secrets_.contains(name); ++n) {
    name = stem + "_" + std::to_string(n);
  }
  variables_.emplace(secret, name);
  secrets_.emplace(name, secret);
  return name;
}

// True when the entry is nothing but the model that judges the routes.
bool PlanoModels::TakeAsRouter(const ImportItem& item, const Entry& entry,
                               const std::string& called) {
  const bool wanted =
      router_called_ && (router_called_->text == entry.name || router_called_->text == entry.id ||
                         router_called_->text == called);
  if (!wanted || draft_.router || entry.id == "*") {
    return false;
  }
  draft_.router = DraftRouter{.base_url = entry.base_url,
                              .model = entry.id,
                              .api_key = entry.api_key,
                              .origin = router_called_->origin};
  if (!IsPlanoRouterPrefix(entry.prefix)) {
    return false;
  }
  if (entry.passes) {
    item.Differs(
        "the router is not asked with the client's key: give routing.router.api_key when "
        "it wants one");
  }
  if (!entry.headers.empty()) {
    item.Differs("the router is asked without further headers");
  }
  if (item.TakeFlag("default")) {
    item.Differs("the router cannot be the default model");
  }
  return true;
}

std::string PlanoModels::ProviderFor(const ImportItem& item, const Entry& entry) {
  const std::string connect = entry.connect ? std::to_string(entry.connect->count()) : "";
  const std::string passes = entry.passes ? "passes" : "";
  std::string content;
  for (const std::string& part : {entry.prefix, entry.base_url, entry.api_key, passes, connect}) {
    content += part + '\n';
  }
  for (const auto& [name, value] : entry.headers) {
    content += name + ':' + value + '\n';
  }
  const auto [known, is_new] = provider_by_content_.try_emplace(content);
  if (!is_new) {
    return known->second;
  }
  const std::string stem = entry.prefix.empty() ? "custom" : entry.prefix;
  std::string name = stem;
  for (int n = uses_of_name_[stem] + 1; n > 1 && uses_of_name_[name] > 0; ++n) {
    name = stem + "_" + std::to_string(n);
  }
  ++uses_of_name_[stem];
  if (name != stem) {
    ++uses_of_name_[name];
  }
  known->second = name;
  draft_.providers.push_back({.name = name,
                              .base_url = entry.base_url,
                              .api_key = entry.api_key,
                              .headers = entry.headers,
                              .connect = entry.connect,
                              .origin = item.origin()});
  if (entry.passes) {
    passing_.emplace(name, item.origin());
  }
  if (!entry.row->remark.empty()) {
    item.Differs(std::string(entry.row->remark));
  }
  return name;
}

void PlanoModels::ReadModel(const ImportItem& item, const Entry& entry,
                            const std::string& provider) {
  AddModel(entry.name, provider, item.origin());
  if (const std::optional<ImportItem> capabilities = item.Take("capabilities")) {
    if (const std::optional<ImportItem> window = capabilities->Take("context_window")) {
      draft_.models.back().context_window = window->Integer(1, 1'000'000'000);
    }
  }
  ReadInlineRoutes(item, entry.name);
  const std::optional<ImportItem> is_default = item.Take("default");
  if (!is_default || !is_default->Boolean().value_or(false)) {
    return;
  }
  if (draft_.default_model) {
    is_default->Differs("is a second default model: the first one stays");
  } else {
    draft_.default_model = DraftText{.text = entry.name, .origin = is_default->origin()};
  }
}

void PlanoModels::ReadInlineRoutes(const ImportItem& item, const std::string& model) {
  const std::optional<ImportItem> routes = item.Take("routing_preferences");
  if (!routes) {
    return;
  }
  for (const ImportItem& route : routes->Items()) {
    const std::optional<std::string> name = route.TakeText("name");
    if (!name) {
      route.LeaveOut("has no name, so nothing was made of it");
      continue;
    }
    inline_routes_.push_back({.name = *name,
                              .description = route.TakeText("description").value_or(""),
                              .model = model,
                              .origin = route.origin()});
  }
}

void PlanoModels::AddModel(const std::string& name, const std::string& provider,
                           const Origin& origin) {
  models_.emplace(name, draft_.models.size());
  if (const size_t slash = name.find('/'); slash != std::string::npos) {
    bare_names_[name.substr(slash + 1)].push_back(draft_.models.size());
  }
  draft_.models.push_back({.name = name, .provider = provider, .origin = origin});
}

void PlanoModels::AddAlias(const DraftText& alias, const std::string& model) {
  const size_t index = models_.at(model);
  draft_.models[index].aliases.push_back(alias);
  models_.emplace(alias.text, index);
}

std::optional<std::string> PlanoModels::Resolve(const std::string& called, const Origin& origin) {
  if (const auto model = models_.find(called); model != models_.end()) {
    return draft_.models[model->second].name;
  }
  if (const auto bare = bare_names_.find(called);
      bare != bare_names_.end() && bare->second.size() == 1) {
    return draft_.models[bare->second[0]].name;
  }
  const size_t slash = called.find('/');
  const auto wildcard = wildcards_.find(called.substr(0, slash));
  if (slash == std::string::npos || wildcard == wildcards_.end()) {
    return std::nullopt;
  }
  AddModel(called, wildcard->second, origin);
  return called;
}

// The gateway sends the client's own key to every provider or to none. To send it only where the
// file says so is not possible, and to send it elsewhere would give it away.
void PlanoModels::SettlePassThrough() {
  if (passing_.empty()) {
    return;
  }
  if (passing_.size() == draft_.providers.size()) {
    draft_.pass_through_auth = true;
    return;
  }
  for (const auto& [name, origin] : passing_) {
    source_.Differs(origin,
                    "passthrough_auth has no equivalent for one provider alone: requests to " +
                        Printable(name) + " carry no key until it has an account");
  }
}

}  // namespace mainstay::config

#include "config/import/draft.h"

#include <algorithm>
#include <string_view>

#include "config/writer.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kDefaultAutoModels[] = {"auto", "mainstay/auto"};

// What a reader of YAML would not take for text.
constexpr std::string_view kWords[] = {"true", "false", "null",  "yes",  "no",   "on",
                                       "off",  "True",  "False", "Null", "TRUE", "FALSE",
                                       "NULL", "y",     "n",     "nan",  "inf",  "infinity"};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Names and addresses without quotes, everything else with them.
std::string Scalar(const std::string& text) {
  const bool url = text.starts_with("http://") || text.starts_with("https://");
  const auto plain = [url](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/' ||
           (url && c == ':');
  };
  const bool simple = !text.empty() && IsLetter(text[0]) && text.back() != ':' &&
                      std::ranges::all_of(text, plain) &&
                      std::ranges::find(kWords, text) == std::end(kWords);
  return simple ? text : QuotedText(text);
}

std::string List(const auto& texts) {
  std::string list;
  for (const auto& each : texts) {
    list += (list.empty() ? "" : ", ") + Scalar(each);
  }
  return '[' + list + ']';
}

std::string List(const std::vector<DraftText>& texts) {
  std::vector<std::string> plain;
  for (const DraftText& text : texts) {
    plain.push_back(text.text);
  }
  return List(plain);
}

std::string Number(int64_t number) {
  return std::to_string(number);
}

void WriteServer(Writer& out, const Draft& draft) {
  if (draft.listen.empty() && draft.admin_listen.empty() && !draft.allow_anonymous) {
    return;
  }
  out.Begin("server");
  if (!draft.listen.empty()) {
    const std::string listen =
        draft.listen.size() == 1 ? Scalar(draft.listen[0].text) : List(draft.listen);
    out.Line("listen", listen + (draft.listen_names.empty() ? "" : "  # " + draft.listen_names));
  }
  if (!draft.admin_listen.empty()) {
    out.Line("admin_listen", Scalar(draft.admin_listen));
  }
  if (draft.allow_anonymous) {
    out.Line("allow_anonymous", "true");
  }
  out.End();
}

void WriteProvider(Writer& out, const Draft& draft, const DraftProvider& provider) {
  out.BeginItem();
  out.Line("name", Scalar(provider.name));
  out.Line("protocol", "openai_chat");
  out.Line("base_url", Scalar(provider.base_url));
  if (!provider.api_key.empty()) {
    out.Begin("accounts");
    out.BeginItem();
    out.Line("alias", Scalar(provider.name));
    out.Line("api_key", Scalar(provider.api_key));
    out.EndItem();
    out.End();
  }
  if (!provider.headers.empty()) {
    out.Begin("headers");
    for (const auto& [name, value] : provider.headers) {
      out.Line(Scalar(name), QuotedText(value));
    }
    out.End();
  }
  const auto connect = provider.connect ? provider.connect : draft.connect_timeout;
  if (connect || draft.total_timeout) {
    out.Begin("timeouts");
    if (connect) {
      out.Line("connect_ms", Number(connect->count()));
    }
    if (draft.total_timeout) {
      out.Line("total_ms", Number(draft.total_timeout->count()));
    }
    out.End();
  }
  out.EndItem();
}

void WriteModel(Writer& out, const DraftModel& model) {
  out.BeginItem();
  out.Line("name", Scalar(model.name));
  out.Line("provider", Scalar(model.provider));
  if (!model.upstream_name.empty()) {
    out.Line("upstream_name", Scalar(model.upstream_name));
  }
  if (!model.aliases.empty()) {
    out.Line("aliases", List(model.aliases));
  }
  if (model.context_window) {
    out.Line("context_window", Number(*model.context_window));
  }
  out.EndItem();
}

void WriteRouter(Writer& out, const DraftRouter& router) {
  out.Begin("router");
  out.Line("type", router.local ? "local" : "llm");
  if (!router.local) {
    out.Line("base_url", Scalar(router.base_url));
    out.Line("model", Scalar(router.model));
    if (!router.api_key.empty()) {
      out.Line("api_key", Scalar(router.api_key));
    }
  }
  if (router.max_prompt_tokens) {
    out.Line("max_prompt_tokens", Number(*router.max_prompt_tokens));
  }
  out.End();
}

void WritePreference(Writer& out, const DraftPreference& preference) {
  out.BeginItem();
  out.Line("name", Scalar(preference.name));
  out.Line("description", QuotedText(preference.description));
  out.Line("models", List(preference.models));
  if (!preference.prefer.empty()) {
    out.Line("selection_policy", "{prefer: " + preference.prefer + "}");
  }
  out.EndItem();
}

void WriteRouting(Writer& out, const Draft& draft) {
  const bool default_auto = std::ranges::equal(draft.auto_models, kDefaultAutoModels);
  if (!draft.default_model && default_auto && draft.preferences.empty() && !draft.router &&
      !draft.session_ttl_seconds && !draft.session_max_entries && !draft.tenant_header) {
    return;
  }
  out.Begin("routing");
  if (draft.default_model) {
    out.Line("default_model", Scalar(draft.default_model->text));
  }
  if (!default_auto) {
    out.Line("auto_models", List(draft.auto_models));
  }
  if (draft.session_ttl_seconds) {
    out.Line("session_ttl_seconds", Number(*draft.session_ttl_seconds));
  }
  if (draft.session_max_entries) {
    out.Line("session_max_entries", Number(*draft.session_max_entries));
  }
  if (draft.tenant_header) {
    out.Line("tenant_header", Scalar(draft.tenant_header->text));
  }
  if (draft.router) {
    WriteRouter(out, *draft.router);
  }
  if (!draft.preferences.empty()) {
    out.Begin("preferences");
    for (const DraftPreference& preference : draft.preferences) {
      WritePreference(out, preference);
    }
    out.End();
  }
  out.End();
}

// A blank line in front of every section.
std::string Spaced(const std::string& text) {
  std::string spaced;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && text[i - 1] == '\n' && IsLetter(text[i])) {
      spaced += '\n';
    }
    spaced += text[i];
  }
  return spaced;
}

}  // namespace

std::string WriteDraft(const Draft& draft, const std::string& title) {
  Writer out("");
  out.Line("version", "1");
  WriteServer(out, draft);
  if (draft.pass_through_auth) {
    out.Line("pass_through_auth", "true");
  }
  if (!draft.providers.empty()) {
    out.Begin("providers");
    for (const DraftProvider& provider : draft.providers) {
      WriteProvider(out, draft, provider);
    }
    out.End();
  }
  if (!draft.models.empty()) {
    out.Begin("models");
    for (const DraftModel& model : draft.models) {
      WriteModel(out, model);
    }
    out.End();
  }
  WriteRouting(out, draft);
  if (draft.state_in_memory) {
    out.Begin("state");
    out.Line("engine", "memory");
    out.End();
  }
  return (title.empty() ? "" : "# " + title + '\n') + Spaced(out.text());
}

}  // namespace mainstay::config

#include "wire/openai_chat/models.h"

#include "base/json_writer.h"

namespace mainstay::wire::openai_chat {
namespace {

void WriteModel(const Model& model, std::string_view name, json::Writer& writer) {
  writer.BeginObject().Key("id").String(name).Key("object").String("model");
  // The protocol wants a time; the configuration has none to tell.
  writer.Key("created").Int(0).Key("owned_by").String(model.provider->name);
  if (model.options.context_window) {
    writer.Key("context_window").Int(*model.options.context_window);
  }
  if (model.options.max_output) {
    writer.Key("max_output_tokens").Int(*model.options.max_output);
  }
  writer.EndObject();
}

}  // namespace

void AppendModelList(const Catalog& catalog, const CallerView& caller, std::string& out) {
  json::Writer writer(out);
  writer.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (const Catalog::Name& name : catalog.listed()) {
    if (caller.Allows(name.model->name)) {
      WriteModel(*name.model, name.text, writer);
    }
  }
  writer.EndArray().EndObject();
}

void AppendModel(const Model& model, std::string_view name, std::string& out) {
  json::Writer writer(out);
  WriteModel(model, name, writer);
}

}  // namespace mainstay::wire::openai_chat

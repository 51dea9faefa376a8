#pragma once

#include <string>

#include "model/caller.h"
#include "model/catalog.h"

namespace mainstay::wire::openai_chat {

// Appends the list of GET /v1/models: every configured name and alias that the caller may use.
void AppendModelList(const Catalog& catalog, const CallerView& caller, std::string& out);

// Appends one model under the name that was asked for.
void AppendModel(const Model& model, std::string_view name, std::string& out);

}  // namespace mainstay::wire::openai_chat

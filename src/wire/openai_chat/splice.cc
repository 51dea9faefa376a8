#include "wire/openai_chat/splice.h"

namespace mainstay::wire::openai_chat {
namespace {

AskUsage SpliceUsage(const Request& request, SplicedBody& body) {
  const RequestFacts& facts = request.facts;
  if (request.operation != Operation::kChat || facts.stream == Streaming::kNo ||
      facts.include_usage == IncludeUsage::kTrue) {
    return AskUsage::kNo;
  }
  if (!facts.include_usage_value.empty()) {
    body.Add({.at = facts.include_usage_value, .text = "true"});
    return AskUsage::kYes;
  }
  if (facts.stream_options.empty()) {
    const size_t inside = facts.object_begin + 1;
    body.Add({.at = {.begin = inside, .end = inside},
              .text = R"("stream_options":{"include_usage":true},)"});
    return AskUsage::kYes;
  }
  const std::string_view options =
      request.body.substr(facts.stream_options.begin, facts.stream_options.size());
  const bool has_members = options.find('"') != std::string_view::npos;
  if (!has_members) {  // null or an empty object
    body.Add({.at = facts.stream_options, .text = R"({"include_usage":true})"});
    return AskUsage::kYes;
  }
  const size_t inside = facts.stream_options.begin + 1;
  body.Add({.at = {.begin = inside, .end = inside}, .text = R"("include_usage":true,)"});
  return AskUsage::kYes;
}

}  // namespace

AskUsage SpliceRequest(const Request& request, std::string_view model_json, SplicedBody& body) {
  const Span model = request.facts.model;
  if (request.body.substr(model.begin, model.size()) != model_json) {
    body.Add({.at = model, .text = model_json});
  }
  const AskUsage ask = SpliceUsage(request, body);
  // Last, because usage may be asked for right where this begins.
  if (!request.facts.preferences_member.empty()) {
    body.Add({.at = request.facts.preferences_member, .text = ""});
  }
  return ask;
}

std::string_view UpstreamPath(Operation operation) {
  switch (operation) {
    case Operation::kChat:
      return "/chat/completions";
    case Operation::kCompletions:
      return "/completions";
    case Operation::kEmbeddings:
      return "/embeddings";
  }
  return "";
}

}  // namespace mainstay::wire::openai_chat

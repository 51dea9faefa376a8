#include "fake_provider/completion.h"

#include <algorithm>

#include "base/json_writer.h"
#include "fake_provider/tokens.h"

namespace mainstay::fake_provider {
namespace {

constexpr std::string_view kFingerprint = "fp_mainstay";

// What the model says, before it is put into any form.
struct Reply {
  std::string text;
  std::vector<ToolCall> tool_calls;
  std::string_view finish = "stop";
  std::string usage;  // JSON; empty: not reported
};

// The start of a text, whole characters, with an ellipsis when it is longer.
std::string Excerpt(std::string_view text) {
  constexpr size_t kBytesMax = 60;
  if (text.size() <= kBytesMax) {
    return std::string(text);
  }
  size_t end = kBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

std::string Counted(int64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string DefaultText(const Incoming& request, const AnswerFacts& facts) {
  const bool chat = request.operation == Operation::kChat;
  std::string text = "This is " + request.model + ", a scripted model. I read " +
                     Counted(request.messages, chat ? "message" : "prompt") + " of " +
                     Counted(request.prompt.tokens, "token") + ", " +
                     std::to_string(facts.cached_tokens) + " of them from my cache.";
  if (!request.last_user.empty()) {
    text += " You said: \"" + Excerpt(request.last_user) + "\"";
  }
  if (!request.wants_json) {
    return text;
  }
  std::string json;
  json::Writer(json).BeginObject().Key("answer").String(text).EndObject();
  return json;
}

std::vector<ToolCall> ToolCallsOf(const Incoming& request, const Action& action,
                                  const AnswerFacts& facts) {
  std::vector<ToolCall> calls;
  if (request.first_tool.empty()) {
    return calls;
  }
  calls = action.tool_calls;
  if (!action.call_tool.empty() && !request.after_tool_result) {
    calls.push_back({.name = action.call_tool == "first" ? request.first_tool : action.call_tool});
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].id.empty()) {
      calls[i].id = "call_" + std::string(facts.id) + std::to_string(i);
    }
  }
  return calls;
}

Reply MakeReply(const Incoming& request, const Action& action, const AnswerFacts& facts) {
  Reply reply;
  reply.tool_calls = ToolCallsOf(request, action, facts);
  if (action.text) {
    reply.text = *action.text;
  } else if (action.text_tokens) {
    reply.text = FillerText(*action.text_tokens);
  } else if (reply.tool_calls.empty()) {
    reply.text = DefaultText(request, facts);
  }
  if (!reply.tool_calls.empty()) {
    reply.finish = "tool_calls";
  }
  int64_t completion = TokensOf(reply.text);
  if (request.max_tokens && completion > *request.max_tokens) {
    reply.text.resize(FirstTokens(reply.text, *request.max_tokens).size());
    completion = TokensOf(reply.text);
    reply.finish = "length";
  }
  for (const ToolCall& call : reply.tool_calls) {
    completion += TokensOf(call.name) + TokensOf(call.arguments);
  }
  if (!action.finish_reason.empty()) {
    reply.finish = action.finish_reason;
  }
  reply.usage = action.usage ? *action.usage
                             : UsageJson({.prompt = request.prompt.tokens,
                                          .cached = facts.cached_tokens,
                                          .completion = completion,
                                          .reasoning = 0});
  return reply;
}

// {"id":...,"object":...,"created":...,"model":...,"system_fingerprint":...,EXTRA"choices":
std::string Opening(const Incoming& request, const Action& action, const AnswerFacts& facts,
                    std::string_view prefix, std::string_view object) {
  std::string out;
  out += R"({"id":)";
  json::AppendString(out,
                     action.id.empty() ? std::string(prefix) + std::string(facts.id) : action.id);
  out += R"(,"object":")";
  out += object;
  out += R"(","created":)";
  json::AppendInt(out, facts.created);
  out += R"(,"model":)";
  json::AppendString(out, request.model);
  out += R"(,"system_fingerprint":")";
  out += kFingerprint;
  out += R"(",)";
  // The extra members without their braces.
  const std::string_view extra = action.extra;
  if (extra.size() > 2 && extra.find_first_not_of(" \t\r\n", 1) != extra.size() - 1) {
    out += extra.substr(1, extra.size() - 2);
    out += ',';
  }
  out += R"("choices":)";
  return out;
}

void AppendToolCalls(json::Writer& writer, const std::vector<ToolCall>& calls) {
  writer.Key("tool_calls").BeginArray();
  for (const ToolCall& call : calls) {
    writer.BeginObject().Key("id").String(call.id).Key("type").String("function");
    writer.Key("function").BeginObject().Key("name").String(call.name);
    writer.Key("arguments").String(call.arguments).EndObject().EndObject();
  }
  writer.EndArray();
}

Answer MakeWhole(const Reply& reply, const Incoming& request, const Action& action,
                 const AnswerFacts& facts) {
  const bool chat = request.operation == Operation::kChat;
  Answer answer;
  std::string& out = answer.body;
  out = Opening(request, action, facts, chat ? "chatcmpl-" : "cmpl-",
                chat ? "chat.completion" : "text_completion");
  {
    json::Writer writer(out);
    writer.BeginArray().BeginObject().Key("index").Int(0);
    if (chat) {
      writer.Key("message").BeginObject().Key("role").String("assistant").Key("content");
      if (reply.text.empty() && !reply.tool_calls.empty()) {
        writer.Null();
      } else {
        writer.String(reply.text);
      }
      if (!reply.tool_calls.empty()) {
        AppendToolCalls(writer, reply.tool_calls);
      }
      writer.Key("refusal").Null().EndObject();
    } else {
      writer.Key("text").String(reply.text);
    }
    writer.Key("logprobs").Null().Key("finish_reason").String(reply.finish);
    writer.EndObject().EndArray();
  }
  if (!reply.usage.empty()) {
    out += R"(,"usage":)";
    out += reply.usage;
  }
  out += '}';
  return answer;
}

// Appends the events of a stream. All but the choice's inside is the same in each of them, and is
// written only once.
class StreamWriter final {
 public:
  StreamWriter(const Reply& reply, const Incoming& request, const Action& action,
               const AnswerFacts& facts)
      : reply_(reply), chat_(request.operation == Operation::kChat) {
    opening_ = "data: " + Opening(request, action, facts, chat_ ? "chatcmpl-" : "cmpl-",
                                  chat_ ? "chat.completion.chunk" : "text_completion");
    report_usage_ = request.include_usage && !reply.usage.empty();
    closing_ = report_usage_ ? "],\"usage\":null}\n\n" : "]}\n\n";
    answer_.kind = Answer::Kind::kStream;
    answer_.content_type = "text/event-stream; charset=utf-8";
  }

  Answer Run() {
    // A word costs its own bytes and those around it; one allocation instead of a dozen.
    const size_t words = reply_.text.size() / 5 + 8;
    answer_.body.reserve(words * (opening_.size() + closing_.size() + 80));
    if (chat_) {
      Choice(R"("delta":{"role":"assistant","content":"","refusal":null})", "");
    }
    ForEachWord([this](std::string_view word) { Text(word); });
    for (size_t i = 0; i < reply_.tool_calls.size(); ++i) {
      Tool(i, reply_.tool_calls[i]);
    }
    Choice(chat_ ? R"("delta":{})" : R"("text":"")", reply_.finish);
    if (report_usage_) {
      answer_.body += opening_ + "[],\"usage\":" + reply_.usage + "}\n\n";
      EndEvent();
    }
    answer_.body += "data: [DONE]\n\n";
    EndEvent();
    return std::move(answer_);
  }

 private:
  void EndEvent() { answer_.event_ends.push_back(answer_.body.size()); }

  void Choice(std::string_view inside, std::string_view finish) {
    std::string& out = answer_.body;
    out += opening_;
    out += R"([{"index":0,)";
    out += inside;
    out += R"(,"logprobs":null,"finish_reason":)";
    if (finish.empty()) {
      out += "null";
    } else {
      json::AppendString(out, finish);
    }
    out += '}';
    out += closing_;
    EndEvent();
  }

  // Pieces that begin with the blank before a word and joined give the text back.
  template <typename Visit>
  void ForEachWord(Visit visit) const {
    const std::string_view text = reply_.text;
    size_t from = 0;
    while (from < text.size()) {
      const size_t end = std::min(text.find(' ', from + 1), text.size());
      visit(text.substr(from, end - from));
      from = end;
    }
  }

  void Text(std::string_view word) {
    scratch_ = chat_ ? R"("delta":{"content":)" : R"("text":)";
    json::AppendString(scratch_, word);
    scratch_ += chat_ ? "}" : "";
    Choice(scratch_, "");
  }

  // The name first, then the arguments in two parts, as real streams split them anywhere.
  void Tool(size_t index, const ToolCall& call) {
    const std::string number = std::to_string(index);
    std::string inside = R"("delta":{"tool_calls":[{"index":)" + number + R"(,"id":)";
    json::AppendString(inside, call.id);
    inside += R"(,"type":"function","function":{"name":)";
    json::AppendString(inside, call.name);
    inside += R"(,"arguments":""}}]})";
    Choice(inside, "");
    const std::string_view arguments = call.arguments;
    size_t middle = arguments.size() / 2;
    while (middle > 0 && (static_cast<unsigned char>(arguments[middle]) & 0xC0) == 0x80) {
      --middle;
    }
    for (const std::string_view part : {arguments.substr(0, middle), arguments.substr(middle)}) {
      inside = R"("delta":{"tool_calls":[{"index":)" + number + R"(,"function":{"arguments":)";
      json::AppendString(inside, part);
      inside += "}}]}";
      Choice(inside, "");
    }
  }

  const Reply& reply_;
  const bool chat_;
  bool report_usage_ = false;
  std::string opening_;
  std::string_view closing_;
  std::string scratch_;
  Answer answer_;
};

}  // namespace

std::string UsageJson(const Usage& usage) {
  const int64_t prompt = usage.prompt.value_or(0);
  const int64_t completion = usage.completion.value_or(0);
  std::string out;
  json::Writer writer(out);
  writer.BeginObject();
  writer.Key("prompt_tokens").Int(prompt).Key("completion_tokens").Int(completion);
  writer.Key("total_tokens").Int(prompt + completion);
  writer.Key("prompt_tokens_details").BeginObject();
  writer.Key("cached_tokens").Int(usage.cached.value_or(0)).Key("audio_tokens").Int(0);
  writer.EndObject().Key("completion_tokens_details").BeginObject();
  writer.Key("reasoning_tokens").Int(usage.reasoning.value_or(0)).Key("audio_tokens").Int(0);
  writer.Key("accepted_prediction_tokens").Int(0).Key("rejected_prediction_tokens").Int(0);
  writer.EndObject().EndObject();
  return out;
}

Answer MakeCompletion(const Incoming& request, const Action& action, const AnswerFacts& facts) {
  const Reply reply = MakeReply(request, action, facts);
  if (request.stream == Streaming::kYes) {
    return StreamWriter(reply, request, action, facts).Run();
  }
  return MakeWhole(reply, request, action, facts);
}

}  // namespace mainstay::fake_provider

#include "fake_provider/calls.h"

#include <algorithm>

#include "base/json_writer.h"

namespace mainstay::fake_provider {
namespace {

std::string_view NameOf(CallState state) {
  switch (state) {
    case CallState::kOpen:
      return "open";
    case CallState::kFinished:
      return "finished";
    case CallState::kCancelled:
      return "cancelled";
  }
  return "";
}

bool IsCredential(std::string_view name) {
  constexpr std::string_view kNames[] = {"authorization", "x-api-key", "api-key", "cookie"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view credential) {
    return http::EqualsIgnoreCase(credential, name);
  });
}

void AppendCall(json::Writer& writer, const Call& call) {
  writer.BeginObject().Key("number").Int(call.number);
  writer.Key("method").String(call.method).Key("target").String(call.target);
  writer.Key("account").String(call.account).Key("model").String(call.model);
  writer.Key("at_ms").Int(call.at.time_since_epoch().count());
  writer.Key("state").String(NameOf(call.state)).Key("status").Int(call.status);
  writer.Key("prompt_tokens").Int(call.prompt_tokens);
  writer.Key("cached_tokens").Int(call.cached_tokens);
  writer.Key("headers").BeginArray();
  for (const auto& [name, value] : call.headers) {
    writer.BeginArray().String(name).String(IsCredential(name) ? "***" : value).EndArray();
  }
  writer.EndArray().Key("body").String(call.body).EndObject();
}

}  // namespace

std::string_view Call::Header(std::string_view name) const {
  for (const auto& [header_name, value] : headers) {
    if (http::EqualsIgnoreCase(header_name, name)) {
      return value;
    }
  }
  return {};
}

int64_t CallLog::Begin(const http::ServerExchange& exchange, WallTime now) {
  ++count_;
  if (calls_max_ == 0) {
    return count_;
  }
  while (static_cast<int64_t>(calls_.size()) >= calls_max_) {
    calls_.pop_front();
    ++dropped_;
  }
  const http::RequestHead& head = *exchange.head();
  Call& call = calls_.emplace_back();
  call.number = count_;
  call.method = head.method_text;
  call.target = head.target;
  call.body = exchange.body().substr(0, static_cast<size_t>(body_bytes_max_));
  call.at = now;
  call.received = exchange.received();
  call.headers.reserve(head.headers.size());
  for (const http::Header& header : head.headers) {
    call.headers.emplace_back(header.name, header.value);
  }
  return count_;
}

Call* CallLog::Find(int64_t number) {
  // The numbers ascend; after Clear they may begin anywhere.
  if (calls_.empty() || number < calls_.front().number || number > calls_.back().number) {
    return nullptr;
  }
  return &calls_[static_cast<size_t>(number - calls_.front().number)];
}

std::string CallLog::Json() const {
  std::string out;
  json::Writer writer(out);
  writer.BeginObject().Key("calls").BeginArray();
  for (const Call& call : calls_) {
    AppendCall(writer, call);
  }
  writer.EndArray().Key("count").Int(count_).Key("dropped").Int(dropped_).EndObject();
  return out;
}

}  // namespace mainstay::fake_provider

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"

namespace mainstay {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kText, kJson };

// One key with its value. Keys are constants of the program; texts are views that have to last
// until the call that logs them returns. A Secret does not convert to a field.
struct LogField {
  using Value = std::variant<std::string_view, int64_t, double, bool>;

  LogField(std::string_view name, std::convertible_to<std::string_view> auto const& text)
      : key(name), value(std::in_place_type<std::string_view>, text) {}
  LogField(std::string_view name, std::same_as<bool> auto flag)
      : key(name), value(std::in_place_type<bool>, flag) {}
  LogField(std::string_view name, std::floating_point auto number)
      : key(name), value(std::in_place_type<double>, number) {}
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  LogField(std::string_view name, Integer number)
      : key(name), value(std::in_place_type<int64_t>, ToInt64(number)) {}

  std::string_view key;
  Value value;

 private:
  template <std::integral Integer>
  static constexpr int64_t ToInt64(Integer number) {
    if constexpr (std::unsigned_integral<Integer> && sizeof(Integer) >= sizeof(int64_t)) {
      return static_cast<int64_t>(std::min<uint64_t>(number, std::numeric_limits<int64_t>::max()));
    } else {
      return number;
    }
  }
};

using LogFields = std::initializer_list<LogField>;

// Texts longer than this are cut; the cut shows as "...".
inline constexpr size_t kLogTextBytesMax = 2048;

// Appends one line, its end included. It is one line whatever the values hold: control characters
// and what a terminal or a viewer takes for one (C1, line separators, changes of writing direction)
// are escaped in both formats, as is everything that is not UTF-8.
//
//   text: 2026-11-21T08:00:00.123Z info config_reloaded hash=8c1f providers=3
//   json: {"ts":"2026-11-21T08:00:00.123Z","level":"info","event":"config_reloaded","hash":"8c1f"}
void AppendLogLine(std::string& out, LogFormat format, LogLevel level, WallTime time,
                   std::string_view event, std::span<const LogField> fields);

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  int fd = 2;                // not owned
  size_t queue_lines = 512;  // each empty slot takes 400 bytes, so the queue 200 KiB
  // How long the end may take when nobody reads; what is left then is lost and counted.
  std::chrono::milliseconds close_limit{2'000};
};

// The process's log: events with fields, one line each, written by a thread of its own.
//
// At the limit: when the queue is full, the oldest waiting line gives way to the new one and is
// counted; a "log_dropped" line says so later. A caller therefore never waits for the reader of
// the log. Lines are not held back: each is handed to the system as soon as the thread gets to it.
//
// Thread safety: all methods may be called from any thread. Only Flush and the destructor wait.
class Log final {
 public:
  explicit Log(const LogOptions& options);
  // Writes what is waiting, for `close_limit` at most.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool Enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }

  void Debug(std::string_view event, LogFields fields = {}) {
    Write(LogLevel::kDebug, event, {fields.begin(), fields.size()});
  }
  void Info(std::string_view event, LogFields fields = {}) {
    Write(LogLevel::kInfo, event, {fields.begin(), fields.size()});
  }
  void Warn(std::string_view event, LogFields fields = {}) {
    Write(LogLevel::kWarn, event, {fields.begin(), fields.size()});
  }
  void Error(std::string_view event, LogFields fields = {}) {
    Write(LogLevel::kError, event, {fields.begin(), fields.size()});
  }
  // Does nothing when the level is not enabled.
  void Write(LogLevel level, std::string_view event, std::span<const LogField> fields);

  // What a reload may change; lines that are waiting already keep their form.
  void Set(LogLevel level, LogFormat format);

  // Waits until every line logged before is written or dropped, at most for `limit`.
  void Flush(std::chrono::milliseconds limit);

  // Lines that were never written, because the queue was full or the write failed.
  int64_t dropped() const;

 private:
  class Writer;

  std::atomic<LogLevel> level_;
  std::atomic<LogFormat> format_;
  const std::unique_ptr<Writer> writer_;
};

}  // namespace mainstay

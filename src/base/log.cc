#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <iterator>
#include <mutex>

#include "base/json_writer.h"

namespace mainstay {
namespace {

using std::chrono::milliseconds;

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::off;
}

// RFC 3339 in UTC with milliseconds.
void AppendTime(std::string& out, WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), clock.subseconds().count());
}

// A character that JSON lets stand and that must not reach a terminal or a viewer.
struct Unseen {
  uint32_t code_point = 0;
  size_t bytes = 0;  // 0: none here
};

Unseen FindUnseen(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t {
    return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0;
  };
  if (byte(0) == 0x7F) {
    return {.code_point = 0x7F, .bytes = 1};
  }
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) {  // C1 controls
    return {.code_point = byte(1), .bytes = 2};
  }
  // U+200E and U+200F are marks of direction, U+2028 and U+2029 separate lines, U+202A to U+202E
  // and U+2066 to U+2069 change the direction.
  const bool is_general =
      byte(0) == 0xE2 && ((byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F ||
                                               (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||
                          (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9));
  if (is_general) {
    return {.code_point = 0x2000 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), .bytes = 3};
  }
  return {};
}

// Cuts a long text between two characters.
std::string_view Shorten(std::string_view text) {
  if (text.size() <= kLogTextBytesMax) {
    return text;
  }
  size_t end = kLogTextBytesMax;
  // A character has at most three continuation bytes; more of them are no UTF-8 anyway.
  while (end > kLogTextBytesMax - 3 && (text[end] & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

void AppendInQuotes(std::string& out, std::string_view text) {
  const std::string_view kept = Shorten(text);
  out += '"';
  size_t copied = 0;
  for (size_t i = 0; i < kept.size();) {
    const Unseen unseen = FindUnseen(kept, i);
    if (unseen.bytes == 0) {
      ++i;
      continue;
    }
    json::AppendEscaped(out, kept.substr(copied, i - copied));
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", unseen.code_point);
    i += unseen.bytes;
    copied = i;
  }
  json::AppendEscaped(out, kept.substr(copied));
  if (kept.size() < text.size()) {
    out += "...";
  }
  out += '"';
}

// Whether a text of the text format can stand without quotes: nothing but visible ASCII that cannot
// be taken for another field.
bool IsPlain(std::string_view text) {
  return !text.empty() && text.size() <= kLogTextBytesMax && std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

void AppendText(std::string& out, LogFormat format, std::string_view text) {
  if (format == LogFormat::kText && IsPlain(text)) {
    out += text;
  } else {
    AppendInQuotes(out, text);
  }
}

void AppendValue(std::string& out, LogFormat format, const LogField::Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    AppendText(out, format, *text);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    json::AppendInt(out, *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    json::AppendDouble(out, *number);
  } else {
    out += std::get<bool>(value) ? "true" : "false";
  }
}

void AppendJsonLine(std::string& out, LogLevel level, WallTime time, std::string_view event,
                    std::span<const LogField> fields) {
  out += R"({"ts":")";
  AppendTime(out, time);
  out += R"(","level":")";
  out += LevelName(level);
  out += R"(","event":)";
  AppendText(out, LogFormat::kJson, event);
  for (const LogField& field : fields) {
    out += ',';
    AppendText(out, LogFormat::kJson, field.key);
    out += ':';
    AppendValue(out, LogFormat::kJson, field.value);
  }
  out += "}\n";
}

void AppendTextLine(std::string& out, LogLevel level, WallTime time, std::string_view event,
                    std::span<const LogField> fields) {
  AppendTime(out, time);
  out += ' ';
  out += LevelName(level);
  out += ' ';
  AppendText(out, LogFormat::kText, event);
  for (const LogField& field : fields) {
    out += ' ';
    AppendText(out, LogFormat::kText, field.key);
    out += '=';
    AppendValue(out, LogFormat::kText, field.value);
  }
  out += '\n';
}

WallTime Now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

void AppendLogLine(std::string& out, LogFormat format, LogLevel level, WallTime time,
                   std::string_view event, std::span<const LogField> fields) {
  if (format == LogFormat::kJson) {
    AppendJsonLine(out, level, time, event, fields);
  } else {
    AppendTextLine(out, level, time, event, fields);
  }
}

namespace {

// The end of the queue: writes finished lines to the descriptor. Only the queue's thread calls Log;
// the other methods may be called from any.
class DescriptorSink final : public spdlog::sinks::sink {
 public:
  DescriptorSink(int fd, const std::atomic<LogFormat>& format) : fd_(fd), format_(format) {}

  // The number of lines that the queue has dropped; set once, before the first line.
  void CountOverrunsOf(spdlog::details::thread_pool& queue) { queue_ = &queue; }

  void log(const spdlog::details::log_msg& line) override {
    ReportOverruns();
    if (!WriteAll({line.payload.data(), line.payload.size()})) {
      failed_.fetch_add(1, std::memory_order_relaxed);
    }
    {
      std::lock_guard lock(mutex_);
      ++handled_;
    }
    progress_.notify_all();
  }
  void flush() override {}  // nothing is held back
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

  // From now on nothing waits longer than until then for a reader.
  void CloseBy(MonoTime deadline) { close_by_.store(deadline, std::memory_order_relaxed); }

  // Waits until `lines` lines have been handled or overrun.
  void WaitFor(int64_t lines, milliseconds limit) {
    std::unique_lock lock(mutex_);
    progress_.wait_for(lock, limit, [&] { return handled_ + overruns() >= lines; });
  }

  int64_t overruns() const { return static_cast<int64_t>(queue_->overrun_counter()); }
  int64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  void ReportOverruns() {
    const int64_t now = overruns();
    if (now == reported_) {
      return;
    }
    const LogField fields[] = {{"lines", now - reported_}};
    reported_ = now;
    std::string line;
    AppendLogLine(line, format_.load(std::memory_order_relaxed), LogLevel::kWarn, Now(),
                  "log_dropped", fields);
    WriteAll(line);  // when this fails, so does the next line, and is counted
  }

  // Gives false when the line did not get out, or not whole.
  bool WriteAll(std::string_view text) {
    while (!text.empty()) {
      if (!WaitUntilWritable()) {
        return false;
      }
      // A pipe that is writable takes this much without blocking, which keeps CloseBy's promise
      // for descriptors in blocking mode too.
      constexpr size_t kPieceBytes = 4096;
      const ssize_t written = write(fd_, text.data(), std::min(text.size(), kPieceBytes));
      if (written >= 0) {
        text.remove_prefix(static_cast<size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        return false;
      }
    }
    return true;
  }

  bool WaitUntilWritable() const {
    pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
    while (true) {
      const milliseconds limit = WaitLimit();
      if (poll(&waiting, 1, static_cast<int>(limit.count())) > 0) {
        return (waiting.revents & POLLNVAL) == 0;
      }
      if (limit == milliseconds(0)) {
        return false;
      }
    }
  }

  // How long to wait before asking again: CloseBy may come while a wait is under way.
  milliseconds WaitLimit() const {
    constexpr milliseconds kSlice{100};
    const MonoTime close_by = close_by_.load(std::memory_order_relaxed);
    if (close_by == MonoTime::max()) {
      return kSlice;
    }
    const auto left = std::chrono::ceil<milliseconds>(close_by - std::chrono::steady_clock::now());
    return std::clamp(left, milliseconds(0), kSlice);
  }

  const int fd_;
  const std::atomic<LogFormat>& format_;
  spdlog::details::thread_pool* queue_ = nullptr;
  int64_t reported_ = 0;  // overruns
  std::atomic<int64_t> failed_{0};
  std::atomic<MonoTime> close_by_{MonoTime::max()};
  std::mutex mutex_;
  std::condition_variable progress_;
  int64_t handled_ = 0;  // guarded by mutex_
};

// Signals belong to the threads that wait for them, and a closed pipe is an error, not a signal.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

class Log::Writer final {
 public:
  Writer(const LogOptions& options, const std::atomic<LogFormat>& format)
      : sink_(std::make_shared<DescriptorSink>(options.fd, format)),
        queue_(
            std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1, &BlockSignals)),
        logger_(std::make_shared<spdlog::async_logger>(
            "", sink_, queue_, spdlog::async_overflow_policy::overrun_oldest)),
        close_limit_(options.close_limit) {
    sink_->CountOverrunsOf(*queue_);
    logger_->set_level(spdlog::level::trace);
  }
  ~Writer() {
    sink_->CloseBy(std::chrono::steady_clock::now() + close_limit_);
    queue_.reset();  // waits for the thread, and so for what is in the queue
  }

  void Post(LogLevel level, std::string_view line) {
    posted_.fetch_add(1, std::memory_order_relaxed);
    logger_->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

  void Flush(milliseconds limit) { sink_->WaitFor(posted_.load(std::memory_order_relaxed), limit); }
  int64_t dropped() const { return sink_->overruns() + sink_->failed(); }

 private:
  const std::shared_ptr<DescriptorSink> sink_;
  // spdlog wants to share its parts; nobody but this object keeps them.
  std::shared_ptr<spdlog::details::thread_pool> queue_;
  const std::shared_ptr<spdlog::async_logger> logger_;
  const milliseconds close_limit_;
  std::atomic<int64_t> posted_{0};
};

Log::Log(const LogOptions& options)
    : level_(options.level),
      format_(options.format),
      writer_(std::make_unique<Writer>(options, format_)) {}

Log::~Log() = default;

void Log::Write(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (!Enabled(level)) {
    return;
  }
  std::string line;
  line.reserve(256);
  AppendLogLine(line, format_.load(std::memory_order_relaxed), level, Now(), event, fields);
  writer_->Post(level, line);
}

void Log::Set(LogLevel level, LogFormat format) {
  format_.store(format, std::memory_order_relaxed);
  level_.store(level, std::memory_order_relaxed);
}

void Log::Flush(milliseconds limit) {
  writer_->Flush(limit);
}

int64_t Log::dropped() const {
  return writer_->dropped();
}

}  // namespace mainstay

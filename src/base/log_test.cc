#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/secret.h"

namespace mainstay {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr WallTime kTime{milliseconds(1'795'248'000'123)};
constexpr milliseconds kLong{20'000};  // a limit for what must happen, not a wait

// A credential cannot be logged by mistake.
static_assert(!std::is_constructible_v<LogField, std::string_view, Secret>);

std::string Line(LogFormat format, std::vector<LogField> fields) {
  std::string line;
  AppendLogLine(line, format, LogLevel::kInfo, kTime, "config_reloaded", fields);
  return line;
}

TEST(AppendLogLine, TextHasTimeLevelEventAndFields) {
  EXPECT_EQ(Line(LogFormat::kText, {{"hash", "8c1f"}, {"providers", 3}}),
            "2026-11-21T08:00:00.123Z info config_reloaded hash=8c1f providers=3\n");
}

TEST(AppendLogLine, JsonHasTheSame) {
  EXPECT_EQ(Line(LogFormat::kJson, {{"hash", "8c1f"}, {"providers", 3}}),
            R"({"ts":"2026-11-21T08:00:00.123Z","level":"info","event":"config_reloaded",)"
            R"("hash":"8c1f","providers":3})"
            "\n");
}

struct ValueCase {
  const char* name;
  LogField field;
  std::string_view text;
  std::string_view json;
};

const ValueCase kValueCases[] = {
    {"plain_word", {"k", "gpt-4o/mini:1"}, "k=gpt-4o/mini:1", R"("k":"gpt-4o/mini:1")"},
    {"empty", {"k", ""}, R"(k="")", R"("k":"")"},
    {"blank", {"k", "a b"}, R"(k="a b")", R"("k":"a b")"},
    {"looks_like_a_field", {"k", "a=b"}, R"(k="a=b")", R"("k":"a=b")"},
    {"quotes", {"k", R"(a"b\c)"}, R"(k="a\"b\\c")", R"("k":"a\"b\\c")"},
    {"new_line", {"k", "a\nb\r\n"}, R"(k="a\nb\r\n")", R"("k":"a\nb\r\n")"},
    {"escape_sequence", {"k", "\x1b[2J"}, R"(k="\u001b[2J")", R"("k":"\u001b[2J")"},
    {"delete", {"k", "a\x7f"}, R"(k="a\u007f")", R"("k":"a\u007f")"},
    {"nul", {"k", std::string_view("a\0b", 3)}, R"(k="a\u0000b")", R"("k":"a\u0000b")"},
    {"c1_control",
     {"k",
      "a\xC2\x9B"
      "b"},
     R"(k="a\u009bb")",
     R"("k":"a\u009bb")"},
    {"after_the_c1_controls", {"k", "\xC2\xA0"}, "k=\"\xC2\xA0\"", "\"k\":\"\xC2\xA0\""},
    {"line_separator",
     {"k",
      "a\xE2\x80\xA8"
      "b"},
     R"(k="a\u2028b")",
     R"("k":"a\u2028b")"},
    {"right_to_left",
     {"k",
      "a\xE2\x80\xAE"
      "b"},
     R"(k="a\u202eb")",
     R"("k":"a\u202eb")"},
    {"isolate", {"k", "\xE2\x81\xA6"}, R"(k="\u2066")", R"("k":"\u2066")"},
    {"dash_is_no_control", {"k", "–"}, "k=\"–\"", "\"k\":\"–\""},
    {"beyond_ascii", {"k", "grün"}, "k=\"grün\"", "\"k\":\"grün\""},
    {"no_utf8", {"k", "a\xFFz"}, "k=\"a\xEF\xBF\xBDz\"", "\"k\":\"a\xEF\xBF\xBDz\""},
    {"cut_control",
     {"k", "a\xE2\x80"},
     "k=\"a\xEF\xBF\xBD\xEF\xBF\xBD\"",
     "\"k\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"true", {"k", true}, "k=true", R"("k":true)"},
    {"false", {"k", false}, "k=false", R"("k":false)"},
    {"negative", {"k", -5}, "k=-5", R"("k":-5)"},
    {"largest",
     {"k", std::numeric_limits<uint64_t>::max()},
     "k=9223372036854775807",
     R"("k":9223372036854775807)"},
    {"fraction", {"k", 0.25}, "k=0.25", R"("k":0.25)"},
    {"not_a_number", {"k", std::numeric_limits<double>::quiet_NaN()}, "k=null", R"("k":null)"},
};

TEST(AppendLogLine, ValuesStayOnTheirLine) {
  for (const ValueCase& c : kValueCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Line(LogFormat::kText, {c.field}),
              "2026-11-21T08:00:00.123Z info config_reloaded " + std::string(c.text) + "\n");
    const std::string json = Line(LogFormat::kJson, {c.field});
    EXPECT_THAT(json, HasSubstr("," + std::string(c.json) + "}\n"));
    EXPECT_TRUE(nlohmann::json::accept(json)) << json;
  }
}

TEST(AppendLogLine, EveryPairOfBytesStaysOnOneLine) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::array<char, 2> pair = {static_cast<char>(first), static_cast<char>(second)};
      for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
        const std::string line = Line(format, {{"k", std::string_view(pair.data(), 2)}});
        for (size_t i = 0; i + 1 < line.size(); ++i) {
          const bool is_c1 = line[i] == '\xC2' && static_cast<uint8_t>(line[i + 1]) < 0xA0;
          ASSERT_FALSE(static_cast<uint8_t>(line[i]) < 0x20 || line[i] == 0x7F || is_c1)
              << first << ' ' << second;
        }
      }
    }
  }
}

TEST(AppendLogLine, LongTextsAreCutBetweenCharacters) {
  const std::string fits(kLogTextBytesMax, 'a');
  EXPECT_THAT(Line(LogFormat::kText, {{"k", fits}}), HasSubstr("k=" + fits + "\n"));
  EXPECT_THAT(Line(LogFormat::kText, {{"k", fits + "b"}}), HasSubstr("k=\"" + fits + "...\"\n"));
  const std::string split = fits.substr(1) + "ü";
  EXPECT_THAT(Line(LogFormat::kText, {{"k", split}}),
              HasSubstr("k=\"" + fits.substr(1) + "...\"\n"));
  const std::string garbage(3 * kLogTextBytesMax, '\x80');
  EXPECT_TRUE(nlohmann::json::accept(Line(LogFormat::kJson, {{"k", garbage}})));
}

// Both ends of a pipe; what was written is read when the test asks for it.
class Pipe final {
 public:
  Pipe() { EXPECT_EQ(pipe2(fds_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    CloseReader();
    close(fds_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int in() const { return fds_[1]; }
  void CloseReader() {
    if (fds_[0] >= 0) {
      close(fds_[0]);
      fds_[0] = -1;
    }
  }
  // What is in the pipe now.
  std::string Take() {
    std::string text;
    std::array<char, 4096> piece;
    pollfd ready{.fd = fds_[0], .events = POLLIN, .revents = 0};
    while (poll(&ready, 1, 0) > 0) {
      const ssize_t got = read(fds_[0], piece.data(), piece.size());
      if (got <= 0) {
        break;
      }
      text.append(piece.data(), static_cast<size_t>(got));
    }
    return text;
  }
  // Fills it, so that the next write has to wait. Returns the number of bytes that fit.
  size_t Fill() {
    const int flags = fcntl(in(), F_GETFL);
    fcntl(in(), F_SETFL, flags | O_NONBLOCK);
    const std::string piece(4096, '.');
    size_t total = 0;
    for (ssize_t wrote = 0; wrote >= 0; wrote = write(in(), piece.data(), piece.size())) {
      total += static_cast<size_t>(wrote);
    }
    fcntl(in(), F_SETFL, flags);
    return total;
  }

 private:
  std::array<int, 2> fds_{};
};

TEST(Log, WritesLinesInOrder) {
  Pipe pipe;
  Log log({.fd = pipe.in()});
  log.Info("first");
  log.Error("second", {{"n", 2}});
  log.Flush(kLong);
  EXPECT_THAT(pipe.Take(), MatchesRegex("20[0-9T:.-]+Z info first\n"
                                        "20[0-9T:.-]+Z error second n=2\n"));
  EXPECT_EQ(log.dropped(), 0);
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn,
                                  LogLevel::kError};
  for (const LogLevel set : kLevels) {
    Pipe pipe;
    Log log({.level = set, .fd = pipe.in()});
    for (const LogLevel level : kLevels) {
      EXPECT_EQ(log.Enabled(level), level >= set);
      log.Write(level, "event", {});
    }
    log.Flush(kLong);
    const std::string text = pipe.Take();
    EXPECT_EQ(std::ranges::count(text, '\n'), 4 - static_cast<int>(set));
  }
}

TEST(Log, LevelAndFormatChangeWhileItRuns) {
  Pipe pipe;
  Log log({.level = LogLevel::kError, .fd = pipe.in()});
  log.Info("before");
  log.Set(LogLevel::kInfo, LogFormat::kJson);
  log.Info("after");
  log.Flush(kLong);
  const auto line = nlohmann::json::parse(pipe.Take());
  EXPECT_EQ(line["event"], "after");
}

TEST(Log, TheEndWritesWhatWaits) {
  Pipe pipe;
  {
    Log log({.fd = pipe.in()});
    for (int i = 0; i < 100; ++i) {
      log.Info("event", {{"i", i}});
    }
  }
  const std::string text = pipe.Take();
  EXPECT_EQ(std::ranges::count(text, '\n'), 100);
  EXPECT_THAT(text, HasSubstr("i=99\n"));
}

TEST(Log, AFullQueueDropsTheOldestAndSaysSo) {
  Pipe pipe;
  pipe.Fill();
  Log log({.fd = pipe.in(), .queue_lines = 8});
  for (int i = 0; i < 100; ++i) {
    log.Info("event", {{"i", i}});  // nobody reads: this must return all the same
  }
  // Eight wait, and one may be with the thread.
  EXPECT_GE(log.dropped(), 91);
  EXPECT_LE(log.dropped(), 92);
  const int64_t dropped = log.dropped();
  std::string text = pipe.Take();
  log.Flush(kLong);
  text += pipe.Take();
  EXPECT_THAT(text, HasSubstr("warn log_dropped lines="));
  EXPECT_THAT(text, HasSubstr("i=99\n"));
  EXPECT_EQ(log.dropped(), dropped);
}

TEST(Log, AReaderThatDoesNotReadDoesNotHoldUpTheEnd) {
  Pipe pipe;
  pipe.Fill();
  {
    Log log({.fd = pipe.in(), .close_limit = milliseconds(0)});
    for (int i = 0; i < 100; ++i) {
      log.Info("event");
    }
  }
  EXPECT_THAT(pipe.Take(), Not(HasSubstr("event")));
}

TEST(Log, AReaderThatIsGoneCostsLinesNotTheProcess) {
  Pipe pipe;
  pipe.CloseReader();
  Log log({.fd = pipe.in()});
  log.Info("event");
  log.Flush(kLong);
  EXPECT_EQ(log.dropped(), 1);
}

TEST(Log, WritesFromManyThreadsStayWhole) {
  Pipe pipe;
  Log log({.format = LogFormat::kJson, .fd = pipe.in(), .queue_lines = 1000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 100; ++i) {
        log.Info("event", {{"thread", t}, {"i", i}});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  log.Flush(kLong);
  std::istringstream text(pipe.Take());
  int lines = 0;
  for (std::string line; std::getline(text, line); ++lines) {
    ASSERT_TRUE(nlohmann::json::accept(line)) << line;
  }
  EXPECT_EQ(lines, 400);
}

}  // namespace
}  // namespace mainstay

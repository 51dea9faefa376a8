#include "observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "observe/reference.h"

namespace mainstay::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

CatalogOptions TwoProviders() {
  return {.providers = {{.name = "openai",
                         .base_url = "https://api.openai.test/v1",
                         .accounts = {{.alias = "main"}, {.alias = "spare"}}},
                        {.name = "local", .endpoints = {"http://a:1/v1", "http://b:1/v1"}}},
          .models = {{.name = "openai/gpt-4o",
                      .provider = "openai",
                      .pricing = PricingOptions{.currency = "EUR"}},
                     {.name = "local/llama", .provider = "local"}}};
}

// An exchange that was served at the first attempt, in 40 ms, by the model at this position.
Exchange Served(const Catalog& catalog, size_t model_index, size_t target_index = 0) {
  const Model* model = catalog.models()[model_index].get();
  const Target* target = &model->provider->targets[target_index];
  Exchange x;
  x.started = MonoTime(std::chrono::hours(1));
  x.decided = x.started + microseconds(30);
  x.first_byte = x.started + milliseconds(20);
  x.ended = x.started + milliseconds(40);
  x.attempts.push_back({.target = target, .model = model, .status = 200, .time = milliseconds(18)});
  x.model = model;
  x.target = target;
  x.reason = Reason::kRequestedModel;
  x.status = 200;
  x.lifecycle = Lifecycle::kCompleted;
  return x;
}

// --- a reader of the format, as strict as a scraper ----------------------------------------------

struct Family {
  std::string type;
  bool has_help = false;
};

// What a scrape says: a value for each sample, by its name and labels as they are written.
class Scraped final {
 public:
  explicit Scraped(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      SCOPED_TRACE(line);
      if (line.starts_with("# ")) {
        ReadComment(line);
      } else {
        ReadSample(line);
      }
    }
    CheckHistograms();
  }

  // The value of a sample, or nothing when it is not there.
  std::optional<double> operator[](const std::string& sample) const {
    const auto found = samples_.find(sample);
    return found == samples_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::map<std::string, double>& samples() const { return samples_; }
  const std::map<std::string, Family>& families() const { return families_; }

 private:
  void ReadComment(const std::string& line) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    std::string name;
    words >> hash >> what >> name;
    Family& family = families_[name];
    if (what == "HELP") {
      EXPECT_FALSE(family.has_help);
      family.has_help = true;
      return;
    }
    EXPECT_EQ(what, "TYPE");
    EXPECT_TRUE(family.type.empty()) << "a second TYPE";
    words >> family.type;
    EXPECT_TRUE(family.type == "counter" || family.type == "gauge" || family.type == "histogram");
    EXPECT_EQ(family.type == "counter", name.ends_with("_total"));
    current_ = name;
  }

  void ReadSample(const std::string& line) {
    const size_t space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos);
    const std::string sample = line.substr(0, space);
    const std::string name = sample.substr(0, sample.find('{'));
    size_t read = 0;
    const double value = std::stod(line.substr(space + 1), &read);
    EXPECT_EQ(read, line.size() - space - 1);
    EXPECT_TRUE(BelongsToCurrent(name)) << "not of the family " << current_;
    EXPECT_TRUE(samples_.emplace(sample, value).second) << "given twice";
    if (name.ends_with("_bucket")) {
      ReadBucket(sample, value);
    }
  }

  bool BelongsToCurrent(const std::string& name) const {
    if (families_.at(current_).type != "histogram") {
      return name == current_;
    }
    return name == current_ + "_bucket" || name == current_ + "_sum" || name == current_ + "_count";
  }

  // Buckets come in order of their bounds, and each counts what the one before counts.
  void ReadBucket(const std::string& sample, double value) {
    const size_t le = sample.find("le=\"");
    ASSERT_NE(le, std::string::npos);
    std::string series = sample.substr(0, le);
    const std::string bound = sample.substr(le + 4, sample.find('"', le + 4) - le - 4);
    auto& last = buckets_[series];
    const double number = std::stod(bound);  // reads +Inf too
    EXPECT_GT(number, last.bound);
    EXPECT_GE(value, last.count);
    last = {.bound = number, .count = value};
  }

  void CheckHistograms() {
    for (const auto& [series, last] : buckets_) {
      EXPECT_EQ(last.bound, std::numeric_limits<double>::infinity()) << series;
      std::string count = series;
      count.replace(count.find("_bucket"), 7, "_count");
      count.pop_back();  // the comma before le, or the brace
      if (count.find('{') != std::string::npos) {
        count += '}';
      }
      EXPECT_EQ((*this)[count], last.count) << count;
    }
  }

  struct Bucket {
    double bound = -1;
    double count = 0;
  };

  std::string current_;
  std::map<std::string, Family> families_;
  std::map<std::string, double> samples_;
  std::map<std::string, Bucket> buckets_;
};

// --- the tests -----------------------------------------------------------------------------------

TEST(Metrics, AFreshOneShowsEveryFamily) {
  const Metrics metrics("1.2.3", "abc");
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped.families().size(), MetricTable().size());
  for (const auto& [name, family] : scraped.families()) {
    EXPECT_TRUE(family.has_help) << name;
    EXPECT_FALSE(family.type.empty()) << name;
  }
  EXPECT_EQ(scraped["mainstay_build_info{version=\"1.2.3\",commit=\"abc\"}"], 1);
  EXPECT_EQ(scraped["mainstay_aborted_total"], 0);
  EXPECT_EQ(scraped["mainstay_request_seconds_count"], 0);
}

TEST(Metrics, AServedExchangeCountsEverywhere) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  Exchange x = Served(catalog, 0);
  x.usage = {.prompt = 1'000, .cached = 800, .completion = 50, .reasoning = 0};
  x.cost = NanoMoney{1'234'500'000};
  x.events = 7;
  x.reply_bytes = 4'096;
  worker.OnExchange(x);
  worker.OnExchange(x);

  const Scraped scraped(metrics.Render());
  const std::pair<const char*, double> kWant[] = {
      {R"(mainstay_requests_total{protocol="openai_chat",status="200"})", 2},
      {R"(mainstay_attempts_total{provider="openai",account="main",class="ok"})", 2},
      {R"(mainstay_attempts_total{provider="openai",account="spare",class="ok"})", 0},
      {R"(mainstay_attempts_total{provider="local",account="local",class="temporary"})", 0},
      {R"(mainstay_request_seconds_bucket{le="0.025"})", 0},
      {R"(mainstay_request_seconds_bucket{le="0.05"})", 2},
      {"mainstay_request_seconds_sum", 0.08},
      {R"(mainstay_decision_seconds_bucket{le="0.000025"})", 0},
      {R"(mainstay_decision_seconds_bucket{le="0.00005"})", 2},
      {R"(mainstay_first_byte_seconds_sum{provider="openai"})", 0.036},
      {R"(mainstay_first_byte_seconds_count{provider="local"})", 0},
      {R"(mainstay_tokens_total{model="openai/gpt-4o",kind="prompt"})", 2'000},
      {R"(mainstay_tokens_total{model="openai/gpt-4o",kind="cached"})", 1'600},
      {R"(mainstay_tokens_total{model="openai/gpt-4o",kind="cache_write"})", 0},
      {R"(mainstay_tokens_total{model="openai/gpt-4o",kind="completion"})", 100},
      {R"(mainstay_tokens_total{model="local/llama",kind="prompt"})", 0},
      {R"(mainstay_cost_total{model="openai/gpt-4o",currency="EUR"})", 2.469},
      {"mainstay_stream_events_total", 14},
      {"mainstay_reply_bytes_total", 8'192},
      {R"(mainstay_failovers_total{reason="timeout"})", 0},
      {"mainstay_aborted_total", 0},
      {R"(mainstay_errors_total{code="upstream_timeout"})", 0},
  };
  for (const auto& [sample, want] : kWant) {
    EXPECT_EQ(scraped[sample], want) << sample;
  }
  // A model without prices costs nothing that could be counted.
  EXPECT_THAT(metrics.Render(), Not(HasSubstr("mainstay_cost_total{model=\"local/llama\"")));
}

struct EndCase {
  const char* name;
  void (*change)(Exchange&);
  const char* sample;
};

const EndCase kEndCases[] = {
    {"no_answer", [](Exchange& x) { x.status = 0; },
     R"(mainstay_requests_total{protocol="openai_chat",status="none"})"},
    {"last_status", [](Exchange& x) { x.status = 599; },
     R"(mainstay_requests_total{protocol="openai_chat",status="599"})"},
    {"beyond_the_statuses", [](Exchange& x) { x.status = 600; },
     R"(mainstay_requests_total{protocol="openai_chat",status="none"})"},
    {"negative_status", [](Exchange& x) { x.status = -1; },
     R"(mainstay_requests_total{protocol="openai_chat",status="none"})"},
    {"error", [](Exchange& x) { x.error = ErrorKind::kUpstreamTimeout; },
     R"(mainstay_errors_total{code="upstream_timeout"})"},
    {"last_error", [](Exchange& x) { x.error = ErrorKind::kInternal; },
     R"(mainstay_errors_total{code="internal_error"})"},
    {"aborted", [](Exchange& x) { x.lifecycle = Lifecycle::kAborted; }, "mainstay_aborted_total"},
    {"failover", [](Exchange& x) { x.reason = Reason::kFailoverUpstreamError; },
     R"(mainstay_failovers_total{reason="upstream_error"})"},
    {"failed_attempt", [](Exchange& x) { x.attempts[0].failure = FailureClass::kAfterFirstByte; },
     R"(mainstay_attempts_total{provider="openai",account="main",class="after_first_byte"})"},
};

TEST(Metrics, EachEndHasItsSample) {
  const Catalog catalog(TwoProviders());
  for (const EndCase& c : kEndCases) {
    Metrics metrics("", "");
    WorkerMetrics& worker = metrics.AddWorker();
    worker.Bind(catalog);
    Exchange x = Served(catalog, 0);
    c.change(x);
    worker.OnExchange(x);
    EXPECT_EQ(Scraped(metrics.Render())[c.sample], 1) << c.name;
  }
}

TEST(Metrics, AnExchangeThatGotNowhereCountsToo) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  Exchange x;
  x.status = 401;
  x.error = ErrorKind::kInvalidApiKey;
  worker.OnExchange(x);
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_errors_total{code="invalid_api_key"})"], 1);
  EXPECT_EQ(scraped["mainstay_decision_seconds_count"], 0);
}

TEST(Metrics, AttemptsWithoutAnAnswerHaveNoFirstByte) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  Exchange x = Served(catalog, 0, 1);
  x.attempts.insert(x.attempts.begin(), Attempt{.target = &catalog.providers()[0]->targets[0],
                                                .event = AttemptEvent::kTimeout,
                                                .failure = FailureClass::kTemporary,
                                                .time = std::chrono::seconds(120)});
  worker.OnExchange(x);
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_first_byte_seconds_count{provider="openai"})"], 1);
  EXPECT_EQ(
      scraped[R"(mainstay_attempts_total{provider="openai",account="main",class="temporary"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_attempts_total{provider="openai",account="spare",class="ok"})"], 1);
}

TEST(Metrics, ReplicasOfAnAccountShareItsSeries) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  worker.OnExchange(Served(catalog, 1, 0));
  worker.OnExchange(Served(catalog, 1, 1));
  EXPECT_EQ(
      Scraped(
          metrics
              .Render())[R"(mainstay_attempts_total{provider="local",account="local",class="ok"})"],
      2);
}

TEST(Metrics, WorkersAreAddedUp) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  for (int i = 1; i <= 3; ++i) {
    WorkerMetrics& worker = metrics.AddWorker();
    worker.Bind(catalog);
    worker.OnExchange(Served(catalog, 0));
    worker.OnHttpRefused(ErrorKind::kBadFraming);
    worker.Set({.connections = i, .upstream_idle = 10 * i, .dialed = 2});
  }
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_requests_total{protocol="openai_chat",status="200"})"], 3);
  EXPECT_EQ(scraped["mainstay_request_seconds_count"], 3);
  EXPECT_EQ(scraped[R"(mainstay_http_refused_total{reason="bad_framing"})"], 3);
  EXPECT_EQ(scraped["mainstay_connections"], 6);
  EXPECT_EQ(scraped["mainstay_upstream_idle_connections"], 60);
  EXPECT_EQ(scraped["mainstay_upstream_dialed_total"], 6);
}

TEST(Metrics, NoCounterGoesBackOverReloads) {
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  const Catalog before(TwoProviders());
  worker.Bind(before);
  worker.OnExchange(Served(before, 0));
  worker.OnExchange(Served(before, 1));
  const Exchange late = Served(before, 1);  // still running when the reload comes

  CatalogOptions options = TwoProviders();
  std::swap(options.providers[0], options.providers[1]);  // every index means something else now
  options.models.erase(options.models.begin());
  const Catalog after(options);
  worker.Bind(after);
  worker.OnExchange(Served(after, 0));
  worker.OnExchange(late);

  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_attempts_total{provider="openai",account="main",class="ok"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_attempts_total{provider="local",account="local",class="ok"})"], 3);
  EXPECT_EQ(scraped[R"(mainstay_tokens_total{model="openai/gpt-4o",kind="prompt"})"], 0);
}

TEST(Metrics, AnExchangeOfAnOlderCatalogCountsForItsOwnNames) {
  CatalogOptions options = TwoProviders();
  const Catalog before(options);
  options.providers[0].accounts = {{.alias = "other"}};
  options.models[0].pricing->currency = "USD";
  const Catalog after(options);
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(before);
  worker.Bind(after);
  Exchange x = Served(before, 0, 1);
  x.cost = NanoMoney{1};
  worker.OnExchange(x);
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_attempts_total{provider="openai",account="spare",class="ok"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_attempts_total{provider="openai",account="other",class="ok"})"], 0);
  EXPECT_EQ(scraped[R"(mainstay_cost_total{model="openai/gpt-4o",currency="EUR"})"], 1e-9);
  EXPECT_EQ(scraped[R"(mainstay_cost_total{model="openai/gpt-4o",currency="USD"})"], 0);
}

TEST(Metrics, ChatsThatWereUnderstoodCountByTheirContinuity) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  for (const Continuity continuity : {Continuity::kExtend, Continuity::kExtend, Continuity::kOff}) {
    Exchange x = Served(catalog, 0);
    x.session.scope = {.low = 1, .high = 0};
    x.continuity = continuity;
    worker.OnExchange(x);
    x.request.operation = Operation::kEmbeddings;
    worker.OnExchange(x);
  }
  worker.OnExchange(Served(catalog, 0));  // has no scope: its body was refused
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_continuity_total{class="extend"})"], 2);
  EXPECT_EQ(scraped[R"(mainstay_continuity_total{class="off"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_continuity_total{class="explicit"})"], 0);
  EXPECT_EQ(scraped[R"(mainstay_continuity_total{class="ambiguous"})"], 0);
}

TEST(Metrics, ConversationsAreThoseOfTheLastLook) {
  Metrics metrics("", "");
  metrics.SetConversations({.conversations = 9, .anchors = 9, .index_bytes = 9, .collisions = 1});
  metrics.SetConversations(
      {.conversations = 2, .anchors = 7, .index_bytes = 4096, .collisions = 3});
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped["mainstay_conversations"], 2);
  EXPECT_EQ(scraped["mainstay_conversation_anchors"], 7);
  EXPECT_EQ(scraped["mainstay_conversation_index_bytes"], 4096);
  EXPECT_EQ(scraped["mainstay_conversation_collisions_total"], 3);
}

TEST(Metrics, NegativeReportsDoNotCount) {
  const Catalog catalog(TwoProviders());
  Metrics metrics("", "");
  WorkerMetrics& worker = metrics.AddWorker();
  worker.Bind(catalog);
  Exchange x = Served(catalog, 0);
  x.usage.prompt = -5;
  x.cost = NanoMoney{-5};
  x.ended = x.started - milliseconds(1);
  worker.OnExchange(x);
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_tokens_total{model="openai/gpt-4o",kind="prompt"})"], 0);
  EXPECT_EQ(scraped[R"(mainstay_cost_total{model="openai/gpt-4o",currency="EUR"})"], 0);
  EXPECT_EQ(scraped["mainstay_request_seconds_sum"], 0);
}

TEST(Metrics, IsReadWhileWorkersCountAndBindAgain) {
  const Catalog first(TwoProviders());
  CatalogOptions options = TwoProviders();
  options.models.push_back({.name = "local/new", .provider = "local"});
  const Catalog second(options);
  constexpr int kRounds = 200;
  Metrics metrics("", "");
  std::atomic<int> running{2};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      WorkerMetrics& worker = metrics.AddWorker();
      for (int round = 0; round < kRounds; ++round) {
        const Catalog& catalog = round % 2 == 0 ? first : second;
        worker.Bind(catalog);
        worker.OnExchange(Served(catalog, 0));
      }
      --running;
    });
  }
  const std::string sample = R"(mainstay_requests_total{protocol="openai_chat",status="200"})";
  double last = 0;
  while (running > 0) {
    const double now = Scraped(metrics.Render())[sample].value_or(0);
    EXPECT_GE(now, last);
    last = now;
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(Scraped(metrics.Render())[sample], 2 * kRounds);
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics("a\"b\\c\nd", "");
  EXPECT_THAT(metrics.Render(), HasSubstr(R"(mainstay_build_info{version="a\"b\\c\nd",commit=""} 1)"
                                          "\n"));
}

TEST(Metrics, ProcessCountsAreShown) {
  Metrics metrics("", "");
  metrics.OnReload(Metrics::Reload::kOk);
  metrics.OnReload(Metrics::Reload::kRefused);
  metrics.OnReload(Metrics::Reload::kRefused);
  metrics.SetConfigHash("old");
  metrics.SetConfigHash("new");
  metrics.SetState(Metrics::StateHealth::kDegraded);
  metrics.SetLogDropped(9);
  const Scraped scraped(metrics.Render());
  EXPECT_EQ(scraped[R"(mainstay_config_reloads_total{result="ok"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_config_reloads_total{result="refused"})"], 2);
  EXPECT_EQ(scraped[R"(mainstay_config_info{hash="new"})"], 1);
  EXPECT_EQ(scraped[R"(mainstay_config_info{hash="old"})"], std::nullopt);
  EXPECT_EQ(scraped["mainstay_state_degraded"], 1);
  EXPECT_EQ(scraped["mainstay_log_dropped_total"], 9);
  EXPECT_GT(scraped["process_resident_memory_bytes"], 100'000);
  EXPECT_GT(scraped["process_open_fds"], 2);
  EXPECT_LT(scraped["process_open_fds"], 1'000);
  EXPECT_GT(scraped["process_cpu_seconds_total"], 0);
  EXPECT_GT(scraped["process_start_time_seconds"], 1'700'000'000);
}

TEST(MetricTable, NamesAndLabelsFollowTheRules) {
  std::set<std::string_view> names;
  for (const MetricRow& row : MetricTable()) {
    const MetricFamily& family = row.family;
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_TRUE(family.name.starts_with("mainstay_") || family.name.starts_with("process_"));
    EXPECT_THAT(std::string(family.name), testing::MatchesRegex("[a-z_]+"));
    EXPECT_TRUE(family.help.ends_with('.')) << family.name;
    for (const std::string_view label : family.labels) {
      EXPECT_NE(label, "le");
      EXPECT_THAT(std::string(label), testing::MatchesRegex("[a-z_]*"));
    }
  }
}

TEST(MetricTable, EveryKindOfErrorHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t kind = 0; kind < kErrorKindCount; ++kind) {
    const std::string_view name = ErrorKindName(static_cast<ErrorKind>(kind));
    EXPECT_FALSE(name.empty()) << kind;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(Histogram, EachValueFallsIntoTheFirstBucketThatHoldsIt) {
  std::vector<uint64_t> values = {0, 1, UINT64_MAX, INT64_MAX};
  for (int bit = 0; bit < 64; ++bit) {
    for (const int delta : {-1, 0, 1}) {
      values.push_back((uint64_t{1} << bit) + static_cast<uint64_t>(delta));
    }
  }
  for (const int64_t bound : kBucketBoundsNs) {
    for (const int64_t delta : {-1, 0, 1}) {
      values.push_back(static_cast<uint64_t>(bound + delta));
    }
  }
  for (const uint64_t value : values) {
    const auto want = static_cast<size_t>(std::ranges::count_if(
        kBucketBoundsNs, [value](int64_t bound) { return static_cast<uint64_t>(bound) < value; }));
    EXPECT_EQ(BucketOf(value), want) << value;
  }
}

TEST(MetricsReference, ThePageInTheTreeIsUpToDate) {
  const std::string path = MAINSTAY_SOURCE_DIR "/docs/reference/metrics.md";
  std::ifstream file(path);
  std::ostringstream page;
  page << file.rdbuf();
  const std::string fresh = MetricsReference();
  if (page.str() != fresh) {
    const std::string written = testing::TempDir() + "metrics.md";
    std::ofstream(written) << fresh;
    ADD_FAILURE() << "the table has changed; cp " << written << " " << path;
  }
}

}  // namespace
}  // namespace mainstay::observe

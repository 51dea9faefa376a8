#include "tidy/layers.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace mainstay::tidy {
namespace {

enum class Want { kAllowed, kRefused };

struct IncludeCase {
  std::string_view name;
  std::string_view path;
  std::string_view include;
  Want want;
};

constexpr IncludeCase kIncludeCases[] = {
    // Rule 1: downwards, and no neighbours among the stages.
    {"down_one_layer", "src/model/ids.h", "\"base/result.h\"", Want::kAllowed},
    {"down_several_layers", "src/gateway/pipeline.cc", "\"base/result.h\"", Want::kAllowed},
    {"its_own_module", "src/http/io/loop.cc", "\"http/options.h\"", Want::kAllowed},
    {"up_from_base", "src/base/log.cc", "\"model/ids.h\"", Want::kRefused},
    {"up_from_a_stage", "src/wire/decode.cc", "\"gateway/environment.h\"", Want::kRefused},
    {"up_to_config_from_a_stage", "src/session/memory.cc", "\"config/load.h\"", Want::kRefused},
    {"up_to_config_from_the_gateway", "src/gateway/wiring.cc", "\"config/load.h\"", Want::kRefused},
    {"up_in_a_test", "src/wire/decode_test.cc", "\"gateway/pipeline.h\"", Want::kRefused},
    {"stage_to_stage", "src/policy/pin.cc", "\"session/store.h\"", Want::kRefused},
    {"stage_to_stage_in_a_test", "src/upstream/attempt_test.cc", "\"fake_provider/script.h\"",
     Want::kAllowed},
    {"upstream_to_the_protocol_interface", "src/upstream/attempt.cc", "\"wire/protocol.h\"",
     Want::kAllowed},
    {"upstream_to_the_rest_of_wire", "src/upstream/attempt.cc", "\"wire/openai_chat/request.h\"",
     Want::kRefused},
    {"fake_provider_to_wire", "src/fake_provider/script.cc", "\"wire/openai_chat/request.h\"",
     Want::kAllowed},
    {"http_to_model", "src/http/server.h", "\"model/ids.h\"", Want::kRefused},
    {"gateway_and_admin", "src/admin/api.cc", "\"gateway/lifecycle.h\"", Want::kAllowed},
    {"main_to_cli", "src/main.cc", "\"cli/serve.h\"", Want::kAllowed},
    {"cli_to_config", "src/cli/check.cc", "\"config/load.h\"", Want::kAllowed},
    {"config_to_cli", "src/config/load.cc", "\"cli/serve.h\"", Want::kRefused},
    {"unknown_module", "src/wire/decode.cc", "\"magic/a.h\"", Want::kRefused},
    {"include_without_a_folder", "src/base/clock.cc", "\"clock.h\"", Want::kRefused},
    {"folder_without_a_row", "src/magic/a.cc", "\"base/result.h\"", Want::kRefused},
    {"outside_src_is_free", "tests/integration/a_test.cc", "\"gateway/pipeline.h\"",
     Want::kAllowed},
    // Rule 2: a stage explains itself and does not log.
    {"stage_logs", "src/decision/rank.cc", "\"base/log.h\"", Want::kRefused},
    {"stage_observes", "src/decision/rank.cc", "\"observe/metrics.h\"", Want::kRefused},
    {"stage_replays", "src/account/choose.cc", "\"replay/record.h\"", Want::kRefused},
    {"model_logs", "src/model/ids.cc", "\"base/log.h\"", Want::kRefused},
    {"observe_writes_the_access_log", "src/observe/access_log.cc", "\"base/log.h\"",
     Want::kAllowed},
    {"gateway_logs", "src/gateway/lifecycle.cc", "\"base/log.h\"", Want::kAllowed},
    // Rule 5: a library stays in its wrapper.
    {"standard_library", "src/model/ids.h", "<string>", Want::kAllowed},
    {"system_header", "src/http/io/epoll.cc", "<sys/epoll.h>", Want::kAllowed},
    {"simdjson_in_base", "src/base/json.h", "<simdjson.h>", Want::kRefused},
    {"simdjson_in_wire", "src/wire/decode.cc", "<simdjson.h>", Want::kRefused},
    {"openssl_in_base", "src/base/secret.h", "<openssl/crypto.h>", Want::kAllowed},
    {"openssl_in_http_io", "src/http/io/tls.cc", "<openssl/ssl.h>", Want::kAllowed},
    {"openssl_in_http", "src/http/server.cc", "<openssl/ssl.h>", Want::kRefused},
    {"yaml_in_config", "src/config/document.cc", "<yaml-cpp/yaml.h>", Want::kAllowed},
    {"yaml_elsewhere", "src/gateway/wiring.cc", "<yaml-cpp/yaml.h>", Want::kRefused},
    {"spdlog_in_the_log", "src/base/log.cc", "<spdlog/spdlog.h>", Want::kAllowed},
    {"spdlog_elsewhere_in_base", "src/base/clock.cc", "<spdlog/spdlog.h>", Want::kRefused},
    {"sqlite_in_a_store", "src/session/sqlite_store.cc", "<sqlite3.h>", Want::kAllowed},
    {"sqlite_in_a_stage_header", "src/session/sqlite_store.h", "<sqlite3.h>", Want::kRefused},
    {"cares_in_http_io", "src/http/io/resolver.cc", "<ares.h>", Want::kAllowed},
    {"cares_in_upstream", "src/upstream/pool.cc", "<ares.h>", Want::kRefused},
    {"cli11_in_cli", "src/cli/serve.cc", "<CLI/CLI.hpp>", Want::kAllowed},
    {"cli11_in_main", "src/main.cc", "<CLI/CLI.hpp>", Want::kRefused},
    {"zlib_in_content_coding", "src/http/content_coding.cc", "<zlib.h>", Want::kAllowed},
    {"zlib_elsewhere", "src/http/server.cc", "<zlib.h>", Want::kRefused},
    {"nlohmann_in_a_test", "src/wire/decode_test.cc", "<nlohmann/json.hpp>", Want::kAllowed},
    {"nlohmann_in_the_product", "src/wire/decode.cc", "<nlohmann/json.hpp>", Want::kRefused},
    {"gtest_in_the_product", "src/wire/decode.cc", "<gtest/gtest.h>", Want::kRefused},
    {"unknown_library", "src/wire/decode.cc", "<curl/curl.h>", Want::kRefused},
    {"unknown_library_without_a_folder", "src/wire/decode.cc", "<curl.h>", Want::kRefused},
};

TEST(Layers, AllowOrRefuseAnInclude) {
  for (const IncludeCase& row : kIncludeCases) {
    SCOPED_TRACE(row.name);
    const SourceFile file{.path = std::string(row.path),
                          .text = "// Why.\n#include " + std::string(row.include) + "\n"};
    std::vector<Finding> findings;
    CheckIncludes(file, findings);
    EXPECT_EQ(findings.empty(), row.want == Want::kAllowed)
        << (findings.empty() ? "nothing was found" : findings[0].message);
  }
}

TEST(Layers, SeeEveryIncludeAndItsLine) {
  const SourceFile file{.path = "src/policy/pin.cc",
                        .text =
                            "#include \"policy/pin.h\"\n\n"
                            "#  include \"session/store.h\"\n"
                            "#include \"observe/metrics.h\"\n"};
  std::vector<Finding> findings;
  CheckIncludes(file, findings);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].line, 3);
  EXPECT_EQ(findings[1].line, 4);
}

}  // namespace
}  // namespace mainstay::tidy

#include "gateway/snapshot.h"

#include <utility>

#include "upstream/request_head.h"
#include "wire/protocol.h"

namespace mainstay::gateway {

WorkerSnapshot::WorkerSnapshot(std::shared_ptr<const Snapshot> snapshot,
                               upstream::ConnectionPool& pool,
                               std::unique_ptr<decision::Router> router_in)
    : shared(std::move(snapshot)), router(std::move(router_in)) {
  for (const Endpoint& endpoint : shared->catalog.endpoints()) {
    endpoints.push_back(pool.Find(endpoint));
  }
  for (const auto& model : shared->catalog.models()) {
    ModelHeaders lines{.text = "x-mainstay-model: " + model->name + "\r\n"};
    lines.minimal = lines.text.size();
    lines.text += "x-vsr-selected-model: " + model->name + "\r\n";
    model_lines_.push_back(std::move(lines));
  }
  for (const auto& provider : shared->catalog.providers()) {
    for (const Target& target : provider->targets) {
      account_lines_.push_back("x-mainstay-account: " + target.account + "\r\n");
      fixed_lines.push_back(upstream::FixedLines(
          target, endpoints[static_cast<size_t>(target.endpoint_index)]->url(),
          wire::RowOf(provider->protocol),
          shared->options.identity.pass_through_auth ? upstream::Credential::kClient
                                                     : upstream::Credential::kAccount));
    }
  }
}

}  // namespace mainstay::gateway

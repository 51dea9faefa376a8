#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decision/preferences.h"
#include "decision/router/router.h"
#include "decision/router/text_classifier.h"
#include "gateway/cors.h"
#include "gateway/options.h"
#include "identity/callers.h"
#include "identity/session_ids.h"
#include "identity/vtc.h"
#include "model/catalog.h"
#include "upstream/connection_pool.h"
#include "wire/digest/history_rules.h"

namespace mainstay::gateway {

// One configuration, ready to serve from. Immutable and shared by all threads; a request keeps the
// snapshot that it began with, so a reload changes nothing under its feet.
struct Snapshot {
  // `options` must have passed Validate; `earlier` may be null.
  Snapshot(Options options_in, std::string hash_in, std::string effective_in,
           const HashKey& install_key,
           std::shared_ptr<const decision::TextClassifier> classifier_in, const Snapshot* earlier)
      : options(std::move(options_in)),
        hash(std::move(hash_in)),
        effective(std::move(effective_in)),
        catalog(options.catalog, earlier == nullptr ? nullptr : &earlier->catalog),
        callers(options.identity, earlier == nullptr ? nullptr : &earlier->callers),
        session_ids(options.session_headers, install_key),
        infers_conversations(identity::InfersConversations(options.session_headers)),
        vtc(options.vtc),
        history_rules(options.continuity.enabled
                          ? std::make_shared<const wire::HistoryRules>(options.history, install_key)
                          : nullptr),
        preferences(options.decision.preferences, catalog),
        classifier(std::move(classifier_in)) {
    if (!options.server.cors.empty()) {
      cors.emplace(options.server.cors);
    }
  }

  const Options options;
  const std::string hash;       // 16 hex digits
  const std::string effective;  // as text, secrets as fingerprints
  const Catalog catalog;
  const identity::Callers callers;
  const identity::SessionIds session_ids;
  const bool infers_conversations;  // of requests without any id
  const identity::VtcClients vtc;
  // What of a chat's messages counts when a conversation is recognised by them; null: nobody looks.
  // Shared, because an answer is digested by the rules of its request.
  const std::shared_ptr<const wire::HistoryRules> history_rules;
  const decision::Preferences preferences;
  // Trained on the preferences; null unless the router is a local one.
  const std::shared_ptr<const decision::TextClassifier> classifier;
  std::optional<Cors> cors;  // empty: browsers are told nothing
};

// A snapshot together with what one worker keeps for it.
struct WorkerSnapshot {
  WorkerSnapshot(std::shared_ptr<const Snapshot> snapshot, upstream::ConnectionPool& pool,
                 std::unique_ptr<decision::Router> router_in);

  const std::shared_ptr<const Snapshot> shared;
  std::vector<std::shared_ptr<upstream::EndpointPool>> endpoints;  // by Target::endpoint_index
  std::vector<std::string> fixed_lines;                            // by Target::index
  const std::unique_ptr<decision::Router> router;  // who judges preferences; never null

  // Header lines that say which model and account an answer comes from; x-vsr-selected-model only
  // with kFull.
  std::string_view ModelLines(const Model& model, observe::ResponseHeaders detail) const {
    const ModelHeaders& lines = model_lines_[static_cast<size_t>(model.index)];
    const bool full = detail == observe::ResponseHeaders::kFull;
    return std::string_view(lines.text).substr(0, full ? lines.text.size() : lines.minimal);
  }
  std::string_view AccountLine(const Target& target) const {
    return account_lines_[static_cast<size_t>(target.index)];
  }

 private:
  struct ModelHeaders {
    std::string text;
    size_t minimal = 0;  // bytes of the first line
  };

  std::vector<ModelHeaders> model_lines_;   // by Model::index
  std::vector<std::string> account_lines_;  // by Target::index
};

}  // namespace mainstay::gateway

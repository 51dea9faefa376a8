#pragma once

#include <span>
#include <string>
#include <string_view>

// The database research agent: what it is told and what it asks, in five steps that are code and
// reasoning by turns. Pure; any thread.
namespace mainstay::cli::demo {

struct Step {
  std::string_view title;  // what the reader of the demo sees
  std::string_view question;
};

std::span<const Step> Steps();

// The agent's system message: its task, and the measurements that it works with. As with agents
// outside of demos, it is longer than all that is asked and answered afterwards. It begins with the
// name of the run, so that no run finds the provider's cache warm from the one before.
std::string Briefing(std::string_view run);

}  // namespace mainstay::cli::demo

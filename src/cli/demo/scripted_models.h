#pragma once

#include "fake_provider/fake_provider.h"

namespace mainstay::cli::demo {

// Makes the provider answer the questions of agent.h. What is said is scripted; which model says
// it, and what it costs, is not. A model whose own words the conversation goes on from refers to
// them, another one begins on its own. One conversation at a time.
//
// Before the provider's loop runs, or on its thread.
void ScriptModels(fake_provider::FakeProvider& provider);

}  // namespace mainstay::cli::demo

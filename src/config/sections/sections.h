#pragma once

#include "config/table.h"
#include "gateway/options.h"

namespace mainstay::config {

// The tables of the file's sections. Everything about a key is in its row; a new section is a table
// here, in a file of its own, and one row in RootTable(). Sections whose fields belong to several
// modules are tables over the whole gateway::Options.
const Table<gateway::Options>& RootTable();
const Table<gateway::Options>& ServerTable();
const Table<gateway::Options>& RoutingTable();
const Table<gateway::Options>& SessionTable();
const Table<identity::CallerOptions>& CallerTable();
const Table<ProviderOptions>& ProviderTable();
const Table<ModelOptions>& ModelTable();
const Table<session::StateOptions>& StateTable();
const Table<observe::TelemetryOptions>& TelemetryTable();

}  // namespace mainstay::config

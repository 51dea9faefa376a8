#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decision/options.h"
#include "identity/options.h"
#include "model/catalog_options.h"

// Whole decisions as text. A file has what all its cases share, and then the cases:
//
//   given  provider openai url=http://openai account=main
//   and    model openai/gpt-4o alias=best
//
//   case   an alias stands for its model
//   when   request model=best
//   then   model openai/gpt-4o ; reason requested_model ; targets main@http://openai
//
// A case may have `given` lines of its own, which come behind the shared ones. `and` goes on with
// whatever line stands before it. Words are separated by blanks, name=value may be repeated; what
// follows a # is left out. What can be given, and what it takes:
//
//   provider NAME   url (several: replicas), account, enabled=no, serves (models of the account)
//   model NAME      provider (else what stands before the slash), upstream, alias
//   caller NAME     allow (patterns); its key is key-NAME
//   option NAME=V   default_model, unknown_model=reject|default
//
// `when request` takes model, key (else none is sent), and turn, the running number that spreads
// requests over replicas. `then` is the outcome as Decide (golden_test.cc) writes it.
namespace mainstay::golden {

// Everything that one decision depends on.
struct Scenario {
  CatalogOptions catalog;
  identity::Options identity;
  decision::Options decision;
  std::string model;
  std::string key;
  uint64_t turn = 0;
};

struct Case {
  std::string name;   // file.case, fit for a test's name
  std::string place;  // path:line
  Scenario scenario;
  std::string then;
};

// Reads a file's text. What cannot be read ends the process with the place: a case that is not
// understood must not pass for one.
std::vector<Case> ReadCases(std::string_view file, std::string_view text);

// The scenario in the language of the files, everything spelled out: what a record of the decision
// has to hold for it to be made again.
std::string Record(const Scenario& scenario);
Scenario ReadRecord(std::string_view text);

}  // namespace mainstay::golden

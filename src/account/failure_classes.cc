#include "account/failure_classes.h"

namespace mainstay::account {
namespace {

struct StatusRow {
  int first;
  int last;
  FailureClass failure;
};

// Statuses of an answer that are not the request's own fault.
constexpr StatusRow kStatuses[] = {
    {100, 399, FailureClass::kNone},
    {408, 408, FailureClass::kTemporary},  // the provider gave up waiting
    {429, 429, FailureClass::kTemporary},
    // All of them (spec 11.12): 529 says overloaded, and 520 to 530 come from content networks that
    // did not reach the provider.
    {500, 599, FailureClass::kTemporary},
};

FailureClass ClassifyStatus(int status) {
  for (const StatusRow& row : kStatuses) {
    if (row.first <= status && status <= row.last) {
      return row.failure;
    }
  }
  return FailureClass::kRequestFault;
}

}  // namespace

FailureClass Classify(AttemptEvent event, int status) {
  switch (event) {
    case AttemptEvent::kAnswered:
      return ClassifyStatus(status);
    case AttemptEvent::kConnectError:
    case AttemptEvent::kReset:
    case AttemptEvent::kTimeout:
    case AttemptEvent::kBadAnswer:
      return FailureClass::kTemporary;
    case AttemptEvent::kClientLeft:
      return FailureClass::kClientLeft;
    case AttemptEvent::kBroken:
      return FailureClass::kAfterFirstByte;
  }
  return FailureClass::kRequestFault;
}

}  // namespace mainstay::account

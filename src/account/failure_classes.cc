#include "account/failure_classes.h"

namespace mainstay::account {
namespace {

struct StatusRow {
  int status;
  FailureClass failure;
};

// Statuses of an answer that are not the request's own fault.
constexpr StatusRow kStatuses[] = {
    {408, FailureClass::kTemporary},  // the provider gave up waiting
    {429, FailureClass::kTemporary},
    {500, FailureClass::kTemporary},
    {502, FailureClass::kTemporary},
    {503, FailureClass::kTemporary},
    {504, FailureClass::kTemporary},
    {529, FailureClass::kTemporary},  // overloaded
};

FailureClass ClassifyStatus(int status) {
  if (status < 400) {
    return FailureClass::kNone;
  }
  for (const StatusRow& row : kStatuses) {
    if (row.status == status) {
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

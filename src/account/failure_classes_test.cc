#include "account/failure_classes.h"

#include <gtest/gtest.h>

#include <map>

namespace mainstay::account {
namespace {

// Spec 06 §4 and 11.12, for every status there is: runs of one class, the last of each included.
struct StatusRange {
  int last;
  FailureClass failure;
};
constexpr StatusRange kRanges[] = {
    {399, FailureClass::kNone},          // from 100: interim, success, redirects are passed on
    {407, FailureClass::kRequestFault},  //
    {408, FailureClass::kTemporary},     // request time-out
    {428, FailureClass::kRequestFault},  // with 413 and 422
    {429, FailureClass::kTemporary},     // too many requests
    {499, FailureClass::kRequestFault},  //
    {599, FailureClass::kTemporary},     // 500, 502, 503, 504, 529 and their kind
    {999, FailureClass::kRequestFault},  // nothing that HTTP knows
};

TEST(FailureClasses, EveryStatus) {
  const StatusRange* range = kRanges;
  for (int status = 100; status <= 999; ++status) {
    range += status > range->last ? 1 : 0;
    ASSERT_EQ(Classify(AttemptEvent::kAnswered, status), range->failure) << status;
  }
}

// The statuses that the specification names, one by one.
TEST(FailureClasses, StatusesBySpecification) {
  const std::map<int, FailureClass> kNamed = {
      {200, FailureClass::kNone},         {201, FailureClass::kNone},
      {400, FailureClass::kRequestFault}, {404, FailureClass::kRequestFault},
      {413, FailureClass::kRequestFault}, {422, FailureClass::kRequestFault},
      {408, FailureClass::kTemporary},    {429, FailureClass::kTemporary},
      {500, FailureClass::kTemporary},    {502, FailureClass::kTemporary},
      {503, FailureClass::kTemporary},    {504, FailureClass::kTemporary},
      {529, FailureClass::kTemporary},
  };
  for (const auto& [status, failure] : kNamed) {
    EXPECT_EQ(Classify(AttemptEvent::kAnswered, status), failure) << status;
  }
}

TEST(FailureClasses, EveryOtherEventWhateverTheStatus) {
  const std::map<AttemptEvent, FailureClass> kEvents = {
      {AttemptEvent::kConnectError, FailureClass::kTemporary},
      {AttemptEvent::kReset, FailureClass::kTemporary},
      {AttemptEvent::kTimeout, FailureClass::kTemporary},
      {AttemptEvent::kBadAnswer, FailureClass::kTemporary},
      {AttemptEvent::kClientLeft, FailureClass::kClientLeft},
      {AttemptEvent::kBroken, FailureClass::kAfterFirstByte},
  };
  ASSERT_EQ(kEvents.size(), static_cast<size_t>(AttemptEvent::kBroken));  // all but kAnswered
  for (const auto& [event, failure] : kEvents) {
    for (const int status : {0, 200, 400, 500}) {
      EXPECT_EQ(Classify(event, status), failure) << static_cast<int>(event) << " " << status;
    }
  }
}

}  // namespace
}  // namespace mainstay::account

#include "cli/demo/agent.h"

#include <array>
#include <cstdint>

namespace mainstay::cli::demo {
namespace {

constexpr std::array<Step, 5> kSteps = {{
    {.title = "List requirements",
     .question = "List the technical requirements that the platform has for its database, as a "
                 "specification that the next steps can refer to."},
    {.title = "Compare databases",
     .question = "Compare PostgreSQL and MongoDB against these requirements. What are the "
                 "strengths and weaknesses of each for this workload?"},
    {.title = "Write schema",
     .question = "Write the schema for customers, products, orders and order items: the CREATE "
                 "TABLE statements with their indexes."},
    {.title = "Assess scalability",
     .question = "Assess the scalability trade-offs of this design. What fails first when the "
                 "load grows tenfold, and what are the risks?"},
    {.title = "Write report",
     .question = "Write the final report with the recommendation for the platform team, based on "
                 "the findings of the earlier steps."},
}};

constexpr std::string_view kTask =
    R"(You are a database research agent. An e-commerce platform has to choose the database of its
order service: PostgreSQL or MongoDB. You work in steps, each of which builds on what the earlier
ones have found. Be concrete, refer to the measurements below, and say when they do not suffice.

The platform sells 2.1 million products of 9,400 merchants to 3.8 million customers. Today one
MySQL server holds everything; it is at 78 % of its write capacity in the evening and cannot be
extended. The order service is being taken out of the monolith first. It owns customers, the
product data that an order needs, orders, order items and payments; search, recommendations and
sessions stay elsewhere. A team of six runs it; two of them know PostgreSQL, one knows MongoDB.

An order has 3.2 items on average and 120 at most. Merchants describe their products with
attributes of their own: 41 on average, of which 6 are common to all. Reports of the day run every
night over all orders of the last 400 days. Orders are kept for ten years by law. Two seconds of
downtime in an hour are accepted, a lost or doubled order is not.

Load of the order service in one week, by hour. Reads are single orders and lists of a customer's
orders; writes are rows, so that an order with three items counts four.

day hour  orders  reads    writes  p95 read ms  p95 write ms
)";

constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// Orders in each hour of a quiet day.
constexpr std::array<int64_t, 24> kOrdersOfHour = {310,  190,  120,  90,   85,   140,  380,  820,
                                                   1340, 1710, 1930, 2080, 2240, 2050, 1890, 1920,
                                                   2110, 2480, 2990, 3620, 4180, 3890, 2310, 980};
constexpr std::array<int64_t, 7> kPercentOfDay = {100, 96, 101, 104, 118, 137, 152};

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) {
    text.append(width - text.size(), ' ');
  }
  return text;
}

void AppendHour(size_t day, size_t hour, std::string& out) {
  const int64_t orders = kOrdersOfHour[hour] * kPercentOfDay[day] / 100;
  const std::string number = std::to_string(hour);
  out += std::string(kDays[day]) + " " + (number.size() < 2 ? "0" : "") + number + "    ";
  out += Padded(std::to_string(orders), 8);
  out += Padded(std::to_string(orders * 37 + 1200), 9);
  out += Padded(std::to_string(orders * 42 / 10), 8);
  out += Padded(std::to_string(4 + orders / 900), 13);
  out += std::to_string(9 + orders * orders / 900'000) + "\n";
}

}  // namespace

std::span<const Step> Steps() {
  return kSteps;
}

std::string Briefing(std::string_view run) {
  std::string text = "Research run " + std::string(run) + ".\n\n" + std::string(kTask);
  for (size_t day = 0; day < kDays.size(); ++day) {
    for (size_t hour = 0; hour < kOrdersOfHour.size(); ++hour) {
      AppendHour(day, hour, text);
    }
  }
  return text;
}

}  // namespace mainstay::cli::demo

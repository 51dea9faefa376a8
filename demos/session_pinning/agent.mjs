// The database research agent: what it is told, and what it asks in five steps.

export const STEPS = [
  {
    title: 'List requirements',
    question:
      'List the technical requirements that the platform has for its database, as a ' +
      'specification that the next steps can refer to.',
  },
  {
    title: 'Compare databases',
    question:
      'Compare PostgreSQL and MongoDB against these requirements. What are the strengths and ' +
      'weaknesses of each for this workload?',
  },
  {
    title: 'Write schema',
    question:
      'Write the schema for customers, products, orders and order items: the CREATE TABLE ' +
      'statements with their indexes.',
  },
  {
    title: 'Assess scalability',
    question:
      'Assess the scalability trade-offs of this design. What fails first when the load grows ' +
      'tenfold, and what are the risks?',
  },
  {
    title: 'Write report',
    question:
      'Write the final report with the recommendation for the platform team, based on the ' +
      'findings of the earlier steps.',
  },
];

const TASK = `You are a database research agent. An e-commerce platform has to choose the database of
its order service: PostgreSQL or MongoDB. You work in steps, each of which builds on what the earlier
ones have found. Be concrete and brief, at most 200 words a step, and refer to the measurements below.

The platform sells 2.1 million products of 9,400 merchants to 3.8 million customers. An order has 3.2
items on average and 120 at most. Merchants describe their products with attributes of their own: 41
on average, of which 6 are common to all. Reports of the day run every night over all orders of the
last 400 days. Orders are kept for ten years by law. Two seconds of downtime in an hour are accepted,
a lost or doubled order is not. A team of six runs the service; two of them know PostgreSQL, one
knows MongoDB.

Load of the order service in one week, by hour. Writes are rows: an order with three items counts four.

day hour  orders  reads    writes`;

const DAYS = { Mon: 100, Tue: 96, Wed: 101, Thu: 104, Fri: 118, Sat: 137, Sun: 152 }; // per cent
const ORDERS_OF_HOUR = [
  310, 190, 120, 90, 85, 140, 380, 820, 1340, 1710, 1930, 2080, 2240, 2050, 1890, 1920, 2110, 2480,
  2990, 3620, 4180, 3890, 2310, 980,
];

// The agent's system message. Providers remember prompts by their beginning: the name of the run
// stands there, so that no run finds the cache warm from the one before.
export function briefing(run) {
  const lines = [`Research run ${run}.`, '', TASK];
  for (const [day, percent] of Object.entries(DAYS)) {
    for (const [hour, usual] of ORDERS_OF_HOUR.entries()) {
      const orders = Math.floor((usual * percent) / 100);
      const columns = [
        `${day} ${String(hour).padStart(2, '0')}`.padEnd(10),
        String(orders).padEnd(8),
        String(orders * 37 + 1200).padEnd(9),
        String(Math.floor(orders * 4.2)),
      ];
      lines.push(columns.join(''));
    }
  }
  return lines.join('\n');
}

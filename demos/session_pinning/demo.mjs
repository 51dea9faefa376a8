// Runs the agent twice, without and with X-Session-Id, and prints which model answered each step
// and what each run cost. MAINSTAY_URL and MAINSTAY_ADMIN_URL say where the gateway is.

import { randomUUID } from 'node:crypto';

import OpenAI from 'openai';

import { STEPS, briefing } from './agent.mjs';

const BASE_URL = process.env.MAINSTAY_URL || 'http://127.0.0.1:12000/v1';
const ADMIN_URL = process.env.MAINSTAY_ADMIN_URL || 'http://127.0.0.1:12001';
const RULE_WIDTH = 70;
const EXCERPT_CHARACTERS = 64;
const grouped = new Intl.NumberFormat('en-US');

// The account's key is the gateway's business; the SDK only wants to have one.
const client = new OpenAI({ baseURL: BASE_URL, apiKey: 'EMPTY' });

// What the gateway has charged so far, in dollars, at the prices in config.yaml.
async function costSoFar() {
  const text = await (await fetch(`${ADMIN_URL}/metrics`)).text();
  const lines = text.matchAll(/^mainstay_cost_total\{[^}]*currency="USD"[^}]*\} (\S+)$/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function runAgent(sessionId) {
  const headers = sessionId === null ? {} : { 'X-Session-Id': sessionId };
  const messages = [{ role: 'system', content: briefing(randomUUID()) }];
  const run = { sessionId, steps: [], prompt: 0, cached: 0 };
  const before = await costSoFar();
  for (const { title, question } of STEPS) {
    messages.push({ role: 'user', content: question });
    const answer = await client.chat.completions.create({ model: 'auto', messages }, { headers });
    const text = answer.choices[0].message.content;
    messages.push({ role: 'assistant', content: text });
    run.steps.push({ title, text, model: answer.model });
    run.prompt += answer.usage?.prompt_tokens ?? 0;
    run.cached += answer.usage?.prompt_tokens_details?.cached_tokens ?? 0;
  }
  run.cost = (await costSoFar()) - before;
  return run;
}

function excerpt(text) {
  const characters = Array.from(text);
  const start = characters.slice(0, EXCERPT_CHARACTERS).join('').replaceAll('\n', '\\n');
  return characters.length > EXCERPT_CHARACTERS ? `${start}…` : start;
}

function print(number, run) {
  const named = run.sessionId === null ? 'Without' : 'With';
  const id = run.sessionId === null ? '' : ` (X-Session-Id: ${run.sessionId.slice(0, 8)}…)`;
  console.log(`Run ${number}: ${named.toUpperCase()} Session Pinning${id}`);
  console.log('─'.repeat(RULE_WIDTH));
  const width = Math.max(...run.steps.map(({ model }) => model.length));
  const switched = run.steps.map(({ model }, i) => i > 0 && model !== run.steps[i - 1].model);
  for (const [i, { title, text, model }] of run.steps.entries()) {
    const shown = switched[i] ? `${title.padEnd(18)} ← switched` : title;
    console.log(`  step ${i + 1} [${model.padEnd(width)}] ${shown}`);
    console.log(`         "${excerpt(text)}"`);
  }
  const models = run.steps.map(({ model }) => model);
  // Each once, the one that was used last at the end.
  const names = [...new Set(models.slice().reverse())].reverse().join(', ');
  const switches = switched.filter(Boolean).length;
  const outcome =
    switches === 0
      ? `✓ ${named} pinning: ${names} held for all ${models.length} steps`
      : `✗ ${named} pinning: model switched ${switches} time(s) — ${names}`;
  const percent = run.prompt === 0 ? 0 : Math.round((run.cached / run.prompt) * 100);
  console.log(`\n  ${outcome}`);
  console.log(
    `    cost $${run.cost.toFixed(4)}, ${grouped.format(run.cached)} of ` +
      `${grouped.format(run.prompt)} prompt tokens from cache (${percent} %)\n`,
  );
}

print(1, await runAgent(null));
const pinned = await runAgent(randomUUID());
print(2, pinned);
console.log('══ Final Report (pinned session) '.padEnd(RULE_WIDTH, '═'));
console.log(pinned.steps.at(-1).text);
console.log('═'.repeat(RULE_WIDTH));

// Recorded requests, answers and dialogues. They are too large for this tree and lie beside it;
// MAINSTAY_SHARED names another place.

import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const SHARED =
  process.env.MAINSTAY_SHARED || fileURLToPath(new URL('../../../../shared', import.meta.url));

// Why the tests that need them are skipped, or false.
export const MISSING = ['recordings', 'data'].every((one) => existsSync(path.join(SHARED, one)))
  ? false
  : `there are no recordings at ${SHARED}; MAINSTAY_SHARED names another place`;

const CHAT_PATH = /\/chat\/completions$/;
const DIALOGUES = [
  'tau_airline',
  'oasst_trees',
  'mtbench101',
  'aider_history',
  'sgd',
  'bfcl_multiturn',
];

async function linesOf(file) {
  const text = await readFile(path.join(SHARED, file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

// The chat requests that released clients sent.
export async function recordedRequests() {
  const records = [];
  for (const file of (await readdir(path.join(SHARED, 'recordings'))).sort()) {
    if (file.endsWith('.jsonl')) {
      records.push(...(await linesOf(path.join('recordings', file))));
    }
  }
  return records.filter(
    (record) =>
      record.kind === 'request' && record.method === 'POST' && CHAT_PATH.test(record.path),
  );
}

// What chat providers really answered.
export async function recordedExchanges() {
  const all = await linesOf('data/provider_exchanges.jsonl');
  return all.filter((exchange) => exchange.protocol === 'openai_chat');
}

// So many model calls {messages, answer} out of all files in equal parts, spread over each file:
// every assistant message is the answer to what stands before it.
export async function dialogueTurns(count) {
  const turns = [];
  for (const [i, name] of DIALOGUES.entries()) {
    const own = [];
    for (const { messages } of await linesOf(`data/${name}.jsonl`)) {
      for (const [at, message] of messages.entries()) {
        if (message.role === 'assistant') {
          own.push({ messages: messages.slice(0, at), answer: message });
        }
      }
    }
    const wanted = Math.floor((count * (i + 1)) / DIALOGUES.length) - turns.length;
    for (let n = 0; n < wanted; ++n) {
      turns.push(own[Math.floor((n * own.length) / wanted)]);
    }
  }
  return turns;
}

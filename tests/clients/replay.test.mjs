// Recorded traffic through the gateway: what changes on the way is the model, the question for
// usage, and nothing else.

import assert from 'node:assert/strict';

import { events, whole } from './support/answers.mjs';
import { completion, streamOf, upstreamText } from './support/chat.mjs';
import { RawClient } from './support/raw_client.mjs';
import { ACCOUNT_KEY, CLIENT_KEY, MODEL, SERVED_MODEL, scenario } from './support/scenario.mjs';
import { MISSING, dialogueTurns, recordedExchanges, recordedRequests } from './support/shared.mjs';

const TURNS = 1_000;
const PARALLEL = 8;

// Header lines that each side writes for itself.
const OF_THE_CLIENT = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'host',
]);
const OF_THE_GATEWAY = new Set([
  'accept-encoding',
  'authorization',
  'content-length',
  'host',
  'traceparent',
  'x-request-id',
]);

// Runs `work(item, number)` for all items, some at a time.
async function forEach(items, parallel, work) {
  const left = items.entries();
  const worker = async () => {
    for (const [number, item] of left) {
      await work(item, number);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

function served(name) {
  return `served-${name}`;
}

// A configuration that knows the models under their recorded names.
function modelsOf(requests) {
  const names = new Set(requests.map(({ body }) => body.model));
  return [...names].map((name) => ({
    name,
    provider: 'openai',
    upstream_name: served(name),
  }));
}

function hiddenUsage(request) {
  return request.stream === true && request.stream_options?.include_usage !== true;
}

function value(pairs, wanted) {
  return pairs.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function without(pairs, names) {
  return pairs.filter(([name]) => !names.has(name.toLowerCase()));
}

// ---- Requests of released clients.

const REPLACED = { authorization: `Bearer ${CLIENT_KEY}`, host: 'gateway.test' };

function headersToSend(recorded) {
  return without(recorded, new Set(['content-length'])).flatMap(([name, old]) => [
    name,
    REPLACED[name.toLowerCase()] ?? old,
  ]);
}

function answerOf({ answer, body }) {
  const message = answer?.tool
    ? {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: answer.tool, arguments: '{}' } },
        ],
      }
    : { role: 'assistant', content: answer?.text ?? 'ok' };
  if (body.stream !== true) {
    const text = JSON.stringify(completion(message));
    return { sent: whole(text), shown: text };
  }
  return {
    sent: events(streamOf(message)),
    shown: streamOf(message, { usage: !hiddenUsage(body) }).join(''),
  };
}

const records = MISSING ? [] : await recordedRequests();

scenario(
  'replay: what released clients send',
  { skip: MISSING, config: { models: modelsOf(records) } },
  async (world, t) => {
    assert.ok(records.length > 0);
    const client = new RawClient(world.gateway.url, 1);
    t.after(() => client.close());
    for (const [number, record] of records.entries()) {
      const name = `record ${record.n} of ${record.client}`;
      const { sent, shown } = answerOf(record);
      world.provider.answer(sent);
      const text = JSON.stringify(record.body);
      const headers = headersToSend(record.headers);
      const answer = await client.post(record.path, headers, Buffer.from(text));
      assert.equal(answer.status, 200, name);
      assert.equal(answer.body.toString(), shown, name);

      const request = world.requests[number];
      assert.equal(request.url, record.path, name);
      assert.equal(request.text, upstreamText(text, served(record.body.model)), name);
      assert.deepEqual(
        without(request.headerLines, OF_THE_GATEWAY),
        without(record.headers, OF_THE_CLIENT),
        name,
      );
      assert.equal(request.headers.authorization, `Bearer ${ACCOUNT_KEY}`, name);
      assert.equal(
        request.headers['accept-encoding'],
        hiddenUsage(record.body) ? 'identity' : value(record.headers, 'accept-encoding'),
        name,
      );
    }
    t.diagnostic(`${records.length} requests`);
  },
);

// ---- Dialogues, through the SDK.

const DELTA = { points: 16 }; // code points in each event of a stream

// How the calls of a dialogue go, in turn.
const WAYS = [{}, { stream: true, stream_options: { include_usage: true } }, {}, { stream: true }];

// The message that the SDK made of an answer, in the form of the recordings.
function recordedForm({ role, content, tool_calls }) {
  const calls = (tool_calls ?? []).map(({ id, type, function: { name, arguments: text } }) => {
    return { id, type, function: { name, arguments: text } };
  });
  return { role, content: content || null, calls };
}

// A client that keeps the bytes of the one answer that it gets.
function keepingClient(world, number, kept) {
  return world.newClient({
    defaultHeaders: { 'x-turn': String(number) },
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      kept.sent = init.body;
      kept.got = Buffer.from(await response.arrayBuffer());
      return new Response(kept.got, { status: response.status, headers: response.headers });
    },
  });
}

async function playTurn(world, { messages, answer }, number) {
  const kept = {};
  const way = WAYS[number % WAYS.length];
  const chat = keepingClient(world, number, kept).chat.completions;
  const parameters = { model: MODEL, messages, ...way };
  const got = way.stream
    ? await chat.stream(parameters).finalChatCompletion()
    : await chat.create(parameters);
  assert.deepEqual(recordedForm(got.choices[0].message), recordedForm(answer), `turn ${number}`);
  return kept;
}

scenario(`replay: ${TURNS} turns of dialogues`, { skip: MISSING }, async (world) => {
  const turns = await dialogueTurns(TURNS);
  assert.equal(turns.length, TURNS);
  const arrived = new Map();
  world.provider.script.otherwise((request, response) => {
    const number = Number(request.headers['x-turn']);
    arrived.set(number, request.text);
    const { answer } = turns[number];
    const make = request.json.stream ? events(streamOf(answer, DELTA)) : whole(completion(answer));
    return make(request, response);
  });
  await forEach(turns, PARALLEL, async (turn, number) => {
    const { sent, got } = await playTurn(world, turn, number);
    const way = WAYS[number % WAYS.length];
    const want = way.stream
      ? streamOf(turn.answer, { ...DELTA, usage: !hiddenUsage(way) }).join('')
      : JSON.stringify(completion(turn.answer));
    assert.equal(got.toString(), want, `turn ${number}`);
    assert.equal(arrived.get(number), upstreamText(sent, SERVED_MODEL), `turn ${number}`);
  });
  assert.equal(world.requests.length, TURNS);
});

// ---- Answers of real providers.

const exchanges = MISSING ? [] : await recordedExchanges();

function headersOf(exchange) {
  return Object.entries(exchange.request.headers).concat([
    ['authorization', REPLACED.authorization],
    ['host', REPLACED.host],
  ]);
}

scenario(
  'replay: what real providers answer',
  { skip: MISSING, config: { models: modelsOf(exchanges.map(({ request }) => request)) } },
  async (world, t) => {
    assert.ok(exchanges.length > 0);
    const client = new RawClient(world.gateway.url, 1);
    t.after(() => client.close());
    for (const [number, exchange] of exchanges.entries()) {
      const { status, headers, body } = exchange.response;
      const isStream = typeof body === 'string';
      const text = isStream ? body : JSON.stringify(body);
      const pieces = isStream ? text.match(/[^]{1,700}/g) : [];
      const answer = isStream
        ? events(pieces, { status, headers })
        : whole(text, { status, headers });
      world.provider.answer(answer);

      const sent = JSON.stringify(exchange.request.body);
      const got = await client.post(
        '/v1/chat/completions',
        headersOf(exchange).flat(),
        Buffer.from(sent),
      );
      assert.equal(got.status, status, exchange.id);
      assert.equal(got.body.toString(), text, exchange.id);
      for (const [name, wanted] of Object.entries(headers)) {
        if (name.startsWith('access-control-')) {
          // What a provider says about pages of other origins is not about this gateway.
          assert.equal(got.headers[name], undefined, `${exchange.id}: ${name}`);
          continue;
        }
        const shown = name === 'x-request-id' ? 'x-provider-request-id' : name;
        assert.equal(got.headers[shown], wanted, `${exchange.id}: ${name}`);
      }
      const model = served(exchange.request.body.model);
      assert.equal(world.requests[number].text, upstreamText(sent, model), exchange.id);
    }
    t.diagnostic(`${exchanges.length} exchanges`);
  },
);

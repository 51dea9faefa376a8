// The official openai SDK: headers, the query, sizes, encodings and connections.

import assert from 'node:assert/strict';
import zlib from 'node:zlib';

import { events, steps, whole } from './support/answers.mjs';
import { USAGE, completion, streamOf, upstreamText } from './support/chat.mjs';
import {
  ACCOUNT_KEY,
  CLIENT_KEY,
  HELLO,
  MODEL,
  SERVED_MODEL,
  rejection,
  scenario,
} from './support/scenario.mjs';

const MEGABYTE = 1 << 20;

// ---- Headers and the query.

scenario("headers: the client's reach the provider, credentials do not", {}, async (world) => {
  world.provider.answer(whole(completion('ok')));
  const client = world.newClient({
    organization: 'org-1',
    project: 'proj-1',
    defaultHeaders: {
      'X-Session-Id': 'session 1',
      'X-Conversation-Id': 'c-1',
      'OpenAI-Beta': 'assistants=v2',
      Cookie: 'secret=cookie',
      'X-Api-Key': CLIENT_KEY,
      'X-Goog-Api-Key': CLIENT_KEY,
      'X-Forwarded-For': '192.0.2.1',
      'X-Forwarded-Proto': 'https',
      Forwarded: 'for=192.0.2.1',
      'X-Mainstay-Future': '1',
    },
  });
  await client.chat.completions.create(
    { model: MODEL, messages: HELLO },
    { headers: { 'X-Trace': 'ünïcode'.normalize('NFC'), 'Idempotency-Key': 'again-1' } },
  );
  const { headers, headerLines } = world.requests[0];
  const want = {
    'x-session-id': 'session 1',
    'x-conversation-id': 'c-1',
    'openai-beta': 'assistants=v2',
    'openai-organization': 'org-1',
    'openai-project': 'proj-1',
    'x-trace': 'ünïcode',
    'idempotency-key': 'again-1',
    'content-type': 'application/json',
    accept: 'application/json',
    'x-stainless-lang': 'js',
    'x-stainless-retry-count': '0',
    authorization: `Bearer ${ACCOUNT_KEY}`,
    host: `127.0.0.1:${world.provider.port}`,
  };
  for (const [name, value] of Object.entries(want)) {
    assert.equal(headers[name], value, name);
  }
  assert.match(headers['user-agent'], /^OpenAI\/JS /);
  const all = JSON.stringify(headerLines);
  for (const secret of [CLIENT_KEY, 'secret=cookie', '192.0.2.1']) {
    assert.ok(!all.includes(secret), `${secret} in ${all}`);
  }
  assert.ok(!headerLines.some(([name]) => /^(x-mainstay-|x-forwarded-|via$)/i.test(name)), all);
});

scenario(
  "headers: with pass_through_auth the client's credential goes on",
  { provider: { accounts: [] }, config: { callers: [], pass_through_auth: true } },
  async (world) => {
    world.provider.answer(whole(completion('ok')));
    await world.client.chat.completions.create({ model: MODEL, messages: HELLO });
    assert.equal(world.requests[0].headers.authorization, `Bearer ${CLIENT_KEY}`);
  },
);

scenario(
  'headers: those of the configuration are added',
  { provider: { headers: { 'x-configured': 'yes', 'x-both': 'gateway' } } },
  async (world) => {
    world.provider.answer(whole(completion('ok')));
    await world.client.chat.completions.create(
      { model: MODEL, messages: HELLO },
      { headers: { 'x-both': 'client' } },
    );
    assert.equal(world.requests[0].headers['x-configured'], 'yes');
    assert.equal(world.requests[0].headers['x-both'], 'gateway');
  },
);

scenario('headers: of the answer, through withResponse', {}, async (world) => {
  world.provider.answer(
    whole(completion('ok'), {
      headers: {
        'x-request-id': 'req_provider',
        'x-ratelimit-remaining-tokens': '149984',
        'openai-processing-ms': '12',
        'set-cookie': '__cf_bm=secret',
        'x-mainstay-model': 'forged',
      },
    }),
  );
  const { data, response, request_id } = await world.client.chat.completions
    .create({ model: MODEL, messages: HELLO }, { headers: { 'x-request-id': 'mine-1' } })
    .withResponse();
  assert.equal(data._request_id, 'mine-1');
  assert.equal(request_id, 'mine-1');
  const want = {
    'x-request-id': 'mine-1',
    'x-provider-request-id': 'req_provider',
    'x-ratelimit-remaining-tokens': '149984',
    'openai-processing-ms': '12',
    'set-cookie': null,
    'x-mainstay-model': MODEL,
    'x-mainstay-account': 'main',
    'x-mainstay-reason': 'requested_model',
    'x-mainstay-attempts': '1',
    'x-vsr-selected-model': MODEL,
  };
  for (const [name, value] of Object.entries(want)) {
    assert.equal(response.headers.get(name), value, name);
  }
  assert.notEqual(response.headers.get('x-mainstay-request-id'), 'mine-1');
  assert.equal(world.requests[0].headers['x-request-id'], 'mine-1');
});

scenario('query: passes, but for the credential', {}, async (world) => {
  world.provider.answer(whole(completion('ok')));
  const client = world.newClient({ defaultQuery: { 'api-version': '2025-01-01', key: 'secret' } });
  await client.chat.completions.create(
    { model: MODEL, messages: HELLO },
    { query: { b: 'x&y=z' } },
  );
  assert.equal(world.requests[0].url, '/v1/chat/completions?api-version=2025-01-01&b=x%26y%3Dz');
});

// ---- Sizes, encodings, connections.

scenario('sizes: 5 MB in', {}, async (world) => {
  world.provider.answer(whole(completion('ok')));
  const content = 'päper '.repeat((5 * MEGABYTE) / 7);
  await world.client.chat.completions.create({
    model: MODEL,
    messages: [{ role: 'user', content }],
  });
  assert.ok(world.requests[0].body.length > 4.9 * MEGABYTE);
  assert.equal(world.requests[0].text, upstreamText(world.sent[0].text, SERVED_MODEL));
});

scenario('sizes: 16 MB out, with its length', {}, async (world) => {
  const content = '0123456789abcdé€'.repeat(MEGABYTE);
  world.provider.answer(whole(completion(content)));
  const got = await world.client.chat.completions.create({ model: MODEL, messages: HELLO });
  assert.equal(got.choices[0].message.content, content);
});

scenario('sizes: an answer of unknown length in many pieces', {}, async (world) => {
  const text = JSON.stringify(completion('piece by piece '.repeat(20_000)));
  const pieces = text.match(/[^]{1,1000}/g);
  world.provider.answer(steps(pieces, { headers: { 'content-type': 'application/json' } }));
  const response = await world.client.chat.completions
    .create({ model: MODEL, messages: HELLO })
    .asResponse();
  assert.equal(await response.text(), text);
});

const APART = {
  'its length told': (length) => ({ 'content-length': length }),
  'its length unknown': () => ({}),
};

for (const [name, lengthHeader] of Object.entries(APART)) {
  scenario(
    `sizes: the head of an answer comes long before its body, ${name}`,
    { config: { server: { workers: 1 } } },
    async (world) => {
      const text = JSON.stringify(completion('late '.repeat(100)));
      const headers = {
        'content-type': 'application/json',
        'x-marked': 'by the provider',
        ...lengthHeader(text.length),
      };
      world.provider.answer(
        steps([() => world.gateway.settled(), text.slice(0, 9), text.slice(9)], { headers }),
      );
      const response = await world.client.chat.completions
        .create({ model: MODEL, messages: HELLO })
        .asResponse();
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.equal(response.headers.get('x-marked'), 'by the provider');
      assert.equal(await response.text(), text);
    },
  );
}

scenario(
  'sizes: a body above the limit is refused',
  { config: { server: { limits: { body_bytes: 1000 } } } },
  async (world) => {
    const messages = [{ role: 'user', content: 'x'.repeat(1000) }];
    const error = await rejection(world.client.chat.completions.create({ model: MODEL, messages }));
    assert.equal(error.status, 413);
    assert.equal(error.code, 'request_too_large');
    assert.equal(world.requests.length, 0);
  },
);

const CODINGS = { gzip: zlib.gzipSync, br: zlib.brotliCompressSync, deflate: zlib.deflateSync };

for (const [coding, compress] of Object.entries(CODINGS)) {
  scenario(`encodings: a whole answer in ${coding}`, {}, async (world) => {
    const answer = completion('compressed '.repeat(10_000));
    const bytes = compress(JSON.stringify(answer));
    world.provider.answer(whole(bytes, { headers: { 'content-encoding': coding } }));
    const { data, response } = await world.client.chat.completions
      .create({ model: MODEL, messages: HELLO }, { headers: { 'accept-encoding': coding } })
      .withResponse();
    assert.deepEqual(data.choices, answer.choices);
    assert.equal(response.headers.get('content-encoding'), coding);
    assert.equal(world.requests[0].headers['accept-encoding'], coding);
  });
}

scenario('encodings: a compressed stream that the client asked for', {}, async (world) => {
  const stream = zlib.gzipSync(streamOf('compressed words').join(''));
  const halves = [stream.subarray(0, 50), stream.subarray(50)];
  world.provider.answer(events(halves, { headers: { 'content-encoding': 'gzip' } }));
  const chunks = await world.client.chat.completions.create({
    model: MODEL,
    messages: HELLO,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage;
  for await (const part of chunks) {
    text += part.choices[0]?.delta.content ?? '';
    usage = part.usage ?? usage;
  }
  assert.equal(text, 'compressed words');
  assert.deepEqual(usage, USAGE);
});

scenario(
  'connections: requests one after the other share one to the provider',
  { config: { server: { workers: 1 } } },
  async (world) => {
    for (let i = 0; i < 10; ++i) {
      world.provider.answer(i % 2 ? whole(completion('ok')) : events(streamOf('ok')));
      const parameters = { model: MODEL, messages: HELLO };
      if (i % 2) {
        await world.client.chat.completions.create(parameters);
      } else {
        await world.client.chat.completions.stream(parameters).finalChatCompletion();
      }
    }
    assert.equal(world.provider.connections, 1);
  },
);

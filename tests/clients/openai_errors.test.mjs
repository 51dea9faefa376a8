// The official openai SDK: which error a program gets, and what is tried again by whom.

import assert from 'node:assert/strict';
import { once } from 'node:events';

import OpenAI from 'openai';

import { RESET, events, failure, reset, silence, steps, whole } from './support/answers.mjs';
import { chunk, completion, event, streamOf } from './support/chat.mjs';
import { freePorts } from './support/gateway.mjs';
import { CLIENT_KEY, HELLO, MODEL, collect, rejection, scenario } from './support/scenario.mjs';

const CHAT = { model: MODEL, messages: HELLO };

// The SDK waits half a second before it tries again, unless it is told how long. That this header
// of a provider shortens the tests shows that it passes.
const SOON = { 'retry-after-ms': '1' };

// ---- The provider's errors.

const STATUSES = [
  [400, OpenAI.BadRequestError],
  [401, OpenAI.AuthenticationError],
  [402, OpenAI.APIError],
  [403, OpenAI.PermissionDeniedError],
  [404, OpenAI.NotFoundError],
  [408, OpenAI.APIError],
  [409, OpenAI.ConflictError],
  [413, OpenAI.APIError],
  [422, OpenAI.UnprocessableEntityError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
  [502, OpenAI.InternalServerError],
  [503, OpenAI.InternalServerError],
  [529, OpenAI.InternalServerError],
];

scenario("errors: the provider's pass unchanged", {}, async (world) => {
  for (const [status, wanted] of STATUSES) {
    for (const parameters of [CHAT, { ...CHAT, stream: true }]) {
      const own = { message: `no ${status} ✗`, type: 'their_type', code: 'their_code', param: 'p' };
      world.provider.answer(
        failure(status, { 'x-request-id': 'req_7', 'retry-after': '11', 'x-mark': 'y' }, own),
      );
      const error = await rejection(world.client.chat.completions.create(parameters));
      assert.equal(error.constructor, wanted, `${status}`);
      assert.equal(error.status, status);
      assert.deepEqual(error.error, own);
      assert.equal(error.code, 'their_code');
      assert.equal(error.param, 'p');
      assert.equal(error.headers.get('retry-after'), '11');
      assert.equal(error.headers.get('x-mark'), 'y');
      assert.equal(error.headers.get('x-provider-request-id'), 'req_7');
      assert.equal(error.requestID, error.headers.get('x-mainstay-request-id'));
    }
  }
});

scenario('errors: one that is no JSON passes', {}, async (world) => {
  const page = '<html><body>Bad gateway</body></html>';
  world.provider.answer(whole(page, { status: 502, headers: { 'content-type': 'text/html' } }));
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.equal(error.constructor, OpenAI.InternalServerError);
  assert.equal(error.message, `502 ${page}`);
});

// ---- The gateway's own errors.

const OWN_ERRORS = {
  'an unknown model': {
    parameters: { ...CHAT, model: 'openai/none' },
    want: [OpenAI.NotFoundError, 404, 'invalid_request_error', 'model_not_found', 'model'],
  },
  'no model': {
    parameters: { messages: HELLO },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'missing_field', 'model'],
  },
  'no messages': {
    parameters: { model: MODEL },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'missing_field', 'messages'],
  },
  'an empty list of messages': {
    parameters: { model: MODEL, messages: [] },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'missing_field', 'messages'],
  },
  'messages of a wrong type': {
    parameters: { model: MODEL, messages: 'hello' },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'invalid_field', 'messages'],
  },
  'a message of a wrong type': {
    parameters: { model: MODEL, messages: [...HELLO, 7] },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'invalid_field', 'messages[1]'],
  },
  'a model of a wrong type': {
    parameters: { model: 7, messages: HELLO },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'invalid_field', 'model'],
  },
  'a body that is no JSON': {
    client: { fetch: (url, init) => fetch(url, { ...init, body: '{"model":' }) },
    want: [OpenAI.BadRequestError, 400, 'invalid_request_error', 'invalid_json', null],
  },
  'an unknown key': {
    client: { apiKey: 'somebody-else' },
    want: [OpenAI.AuthenticationError, 401, 'authentication_error', 'invalid_api_key', null],
  },
  'no key': {
    client: { defaultHeaders: { authorization: null } },
    want: [OpenAI.AuthenticationError, 401, 'authentication_error', 'invalid_api_key', null],
  },
  'a model that the caller may not use': {
    config: { callers: [{ name: 'team', keys: [CLIENT_KEY], allow_models: ['other/*'] }] },
    want: [OpenAI.PermissionDeniedError, 403, 'permission_error', 'model_not_allowed', 'model'],
  },
  'a model that no account serves': {
    provider: { accounts: [{ alias: 'main', enabled: false }] },
    want: [OpenAI.InternalServerError, 503, 'api_error', 'no_account_for_model', 'model'],
  },
};

for (const [name, { parameters = CHAT, want, ...options }] of Object.entries(OWN_ERRORS)) {
  scenario(`errors: ${name}`, options, async (world) => {
    for (const stream of [false, true]) {
      const error = await rejection(
        world.client.chat.completions.create({ ...parameters, stream }),
      );
      const { constructor, status, type, code, param } = error;
      assert.deepEqual([constructor, status, type, code, param], want);
      assert.ok(error.error.message.length > 10, error.error.message);
      assert.ok(error.requestID);
      assert.equal(error.requestID, error.headers.get('x-mainstay-request-id'));
    }
    assert.equal(world.requests.length, 0);
  });
}

scenario(
  'errors: more requests a minute than allowed',
  { config: { callers: [{ name: 'team', keys: [CLIENT_KEY], requests_per_minute: 2 }] } },
  async (world) => {
    for (let i = 0; i < 2; ++i) {
      world.provider.answer(whole(completion('ok')));
      await world.client.chat.completions.create(CHAT);
    }
    const error = await rejection(world.client.chat.completions.create(CHAT));
    assert.equal(error.constructor, OpenAI.RateLimitError);
    assert.equal(error.type, 'rate_limit_error');
    assert.equal(error.code, 'caller_rate_limited');
    const wait = error.headers.get('retry-after');
    assert.match(wait, /^\d+$/);
    assert.ok(Number(wait) >= 1 && Number(wait) <= 60, wait);
    assert.equal(world.requests.length, 2);
  },
);

scenario('errors: paths and methods that are not there', {}, async (world) => {
  const missing = await rejection(world.client.post('/no/such/thing', { body: {} }));
  assert.equal(missing.constructor, OpenAI.NotFoundError);
  assert.equal(missing.code, 'not_found');
  const wrong = await rejection(world.client.get('/chat/completions'));
  assert.equal(wrong.status, 405);
  assert.equal(wrong.code, 'method_not_allowed');
  assert.match(wrong.headers.get('allow'), /\bPOST\b/);
});

scenario('errors: nobody listens where the provider should be', {}, async (world) => {
  await world.provider.stop();
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.equal(error.constructor, OpenAI.InternalServerError);
  assert.deepEqual([error.status, error.type], [502, 'api_error']);
  assert.equal(error.code, 'upstream_unreachable');
  assert.equal(error.headers.get('x-mainstay-attempts'), '1');
});

scenario(
  'errors: a provider that does not answer in time',
  { provider: { timeouts: { first_byte_ms: 250 } } },
  async (world) => {
    world.provider.answer(silence());
    const error = await rejection(world.client.chat.completions.create(CHAT));
    assert.deepEqual([error.status, error.code], [504, 'upstream_timeout']);
    assert.equal(await (await world.provider.request(0)).abandoned, true);
  },
);

scenario(
  'errors: a stream that stops coming',
  { provider: { timeouts: { idle_ms: 250 } } },
  async (world) => {
    world.provider.answer(events([event(chunk({ content: 'one' })), () => new Promise(() => {})]));
    const stream = await world.client.chat.completions.create({ ...CHAT, stream: true });
    const { items, error } = await collect(stream);
    assert.equal(items.length, 1);
    assert.equal(error.type, 'api_error');
    assert.equal(await world.requests[0].abandoned, true);
  },
);

scenario('errors: nobody listens where the gateway should be', {}, async (world) => {
  const [port] = await freePorts(1);
  const client = world.newClient({ baseURL: `http://127.0.0.1:${port}/v1` });
  const error = await rejection(client.chat.completions.create(CHAT));
  assert.equal(error.constructor, OpenAI.APIConnectionError);
});

// ---- What the SDK tries again.

const AGAIN = [408, 409, 429, 500, 502, 503, 504, 529];

scenario('retries: the SDK tries again what may pass', {}, async (world) => {
  const client = world.newClient({ maxRetries: 2 });
  for (const [i, status] of AGAIN.entries()) {
    world.provider.answer(failure(status, SOON), failure(status, SOON), whole(completion('ok')));
    const got = await client.chat.completions.create(CHAT);
    assert.equal(got.choices[0].message.content, 'ok');
    const counts = world.requests
      .slice(3 * i)
      .map((request) => request.headers['x-stainless-retry-count']);
    assert.deepEqual(counts, ['0', '1', '2'], `${status}`);
  }
});

scenario('retries: the SDK waits as long as the provider says', {}, async (world) => {
  world.provider.answer(failure(429, { 'retry-after': '1' }), whole(completion('ok')));
  const begin = performance.now();
  await world.newClient({ maxRetries: 1 }).chat.completions.create(CHAT);
  assert.ok(performance.now() - begin > 950);
});

scenario('retries: the SDK tries again after a reset before the answer', {}, async (world) => {
  const client = world.newClient({ maxRetries: 2 });
  world.provider.answer(reset(), whole(completion('ok')), reset(), events(streamOf('ok')));
  const got = await client.chat.completions.create(CHAT);
  assert.equal(got.choices[0].message.content, 'ok');
  const stream = await client.chat.completions.create({ ...CHAT, stream: true });
  assert.equal((await collect(stream)).error, undefined);
  assert.equal(world.requests.length, 4);
});

scenario('retries: a reset before the answer reaches a program as 502', {}, async (world) => {
  world.provider.answer(reset());
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.deepEqual([error.status, error.code], [502, 'upstream_unreachable']);
  assert.equal(world.requests.length, 1);
});

const ONCE = [400, 401, 403, 404, 413, 422];

scenario(
  "retries: nobody tries again what is the request's fault",
  { replicas: 2 },
  async (world) => {
    const client = world.newClient({ maxRetries: 2 });
    for (const status of ONCE) {
      world.provider.answer(failure(status, SOON));
      const error = await rejection(client.chat.completions.create(CHAT));
      assert.equal(error.status, status);
      assert.equal(error.headers.get('x-mainstay-attempts'), '1');
    }
    assert.equal(world.requests.length, ONCE.length);
  },
);

// ---- What the gateway tries elsewhere.

const ELSEWHERE = {
  'a reset': reset(),
  'a reset inside the head': (request, response) => {
    response.socket.end('HTTP/1.1 200 OK\r\ncontent-');
  },
  'what is no HTTP': (request, response) => response.socket.end('hello\r\n\r\n'),
  'too many requests': failure(429, { 'retry-after': '60' }),
  'a time-out of the provider': failure(408),
  'an internal error': failure(500),
  'bad gateway': failure(502),
  unavailable: failure(503),
  overloaded: failure(529),
};

const TIMELY = { timeouts: { first_byte_ms: 2_000 } };

for (const [name, answer] of Object.entries(ELSEWHERE)) {
  scenario(`failover: ${name}`, { replicas: 2, provider: TIMELY }, async (world) => {
    for (const stream of [false, true]) {
      const before = world.requests.length;
      world.provider.answer(answer, stream ? events(streamOf('ok')) : whole(completion('ok')));
      const { data, response } = await world.client.chat.completions
        .create({ ...CHAT, stream })
        .withResponse();
      assert.equal(response.headers.get('x-mainstay-attempts'), '2');
      if (stream) {
        const { items, error } = await collect(data);
        assert.equal(error, undefined);
        assert.equal(items.map((item) => item.choices[0].delta.content ?? '').join(''), 'ok');
      } else {
        assert.equal(data.choices[0].message.content, 'ok');
      }
      assert.equal(world.requests.length - before, 2);
    }
    const [one, other] = world.providers.map((provider) => provider.requests);
    assert.deepEqual([one.length, other.length], [2, 2]);
    assert.deepEqual(
      one.map((request) => request.text).sort(),
      other.map((request) => request.text).sort(),
    );
  });
}

scenario(
  'failover: a provider that stays silent',
  { replicas: 2, provider: { timeouts: { first_byte_ms: 250 } } },
  async (world) => {
    world.provider.answer(silence(), whole(completion('ok')));
    const got = await world.client.chat.completions.create(CHAT);
    assert.equal(got.choices[0].message.content, 'ok');
  },
);

scenario('failover: a replica where nobody listens', { replicas: 2 }, async (world) => {
  await world.providers[1].stop();
  for (let i = 0; i < 4; ++i) {
    world.provider.answer(whole(completion('ok')));
    await world.client.chat.completions.create(CHAT);
  }
  assert.equal(world.provider.requests.length, 4);
});

scenario('failover: none is left; the last answer counts', { replicas: 3 }, async (world) => {
  world.provider.answer(failure(500), failure(429), failure(503, { 'x-mark': 'last' }));
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.equal(error.status, 503);
  assert.equal(error.headers.get('x-mark'), 'last');
  assert.equal(error.headers.get('x-mainstay-attempts'), '3');
});

scenario('failover: an answer counts more than none', { replicas: 2 }, async (world) => {
  world.provider.answer(failure(429, { 'retry-after': '7' }), reset());
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.equal(error.status, 429);
  assert.equal(error.headers.get('retry-after'), '7');
});

scenario('failover: not after the first byte of an answer', { replicas: 2 }, async (world) => {
  const headers = { 'content-type': 'application/json', 'content-length': 100 };
  world.provider.answer(steps(['{"id":', RESET], { headers }));
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.ok(error instanceof Error);
  assert.equal(world.requests.length, 1);
});

scenario(
  'failover: switched off',
  { replicas: 2, config: { routing: { failover: { enabled: false } } } },
  async (world) => {
    world.provider.answer(failure(503));
    assert.equal((await rejection(world.client.chat.completions.create(CHAT))).status, 503);
    assert.equal(world.requests.length, 1);
  },
);

scenario(
  'connections: one that the provider has closed is not used',
  { config: { server: { workers: 1 } } },
  async (world) => {
    for (let i = 0; i < 3; ++i) {
      world.provider.answer(whole(completion('ok')));
      await world.client.chat.completions.create(CHAT);
      const { socket } = world.requests[i];
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    }
    assert.equal(world.provider.connections, 3);
  },
);

scenario(
  'connections: a request that was read before a reset is not sent again',
  { config: { server: { workers: 1 } } },
  async (world) => {
    world.provider.answer(whole(completion('ok')), reset());
    await world.client.chat.completions.create(CHAT);
    const error = await rejection(world.client.chat.completions.create(CHAT));
    assert.equal(error.status, 502);
    assert.equal(world.provider.connections, 1);
    assert.equal(world.requests.length, 2);
  },
);

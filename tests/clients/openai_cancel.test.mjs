// The official openai SDK: programs that stop waiting. The provider has to learn of it at once, for
// every token that it goes on writing is paid for.

import assert from 'node:assert/strict';

import OpenAI from 'openai';

import { events, gate, silence, steps, whole } from './support/answers.mjs';
import { chunk, completion, event } from './support/chat.mjs';
import { CLIENT_KEY, HELLO, MODEL, rejection, scenario } from './support/scenario.mjs';

const CHAT = { model: MODEL, messages: HELLO };
const PROMPTLY_MS = 2_000; // a few milliseconds; the rest is for machines that are busy

const forever = () => new Promise(() => {});

// A stream of one event that never comes to its end.
function endless() {
  return events([event(chunk({ role: 'assistant', content: 'one' })), forever]);
}

// Fails unless the provider learns that it was left soon after `leave` was called.
async function assertLeft(request, leave) {
  const begin = performance.now();
  leave();
  assert.equal(await request.abandoned, true);
  assert.ok(performance.now() - begin < PROMPTLY_MS, `${performance.now() - begin} ms`);
}

// With room for one request at a time, the next one shows that nothing of the last is left.
const ALONE = {
  config: {
    server: { workers: 1 },
    callers: [{ name: 'team', keys: [CLIENT_KEY], max_concurrency: 1 }],
  },
};

async function assertNextServed(world) {
  await world.gateway.settled();
  world.provider.answer(whole(completion('next')));
  const got = await world.client.chat.completions.create(CHAT);
  assert.equal(got.choices[0].message.content, 'next');
}

scenario('cancel: a second request beside the only one allowed', ALONE, async (world) => {
  const first = gate();
  world.provider.answer(async (request, response) => {
    await first.opened;
    await whole(completion('first'))(request, response);
  });
  const running = world.client.chat.completions.create(CHAT);
  await world.provider.request(0);
  const error = await rejection(world.client.chat.completions.create(CHAT));
  assert.equal(error.constructor, OpenAI.RateLimitError);
  assert.equal(error.code, 'caller_rate_limited');
  assert.match(error.headers.get('retry-after'), /^\d+$/);
  first.open();
  assert.equal((await running).choices[0].message.content, 'first');
  await assertNextServed(world);
});

scenario('cancel: a stream, with an AbortController', ALONE, async (world) => {
  world.provider.answer(endless());
  const controller = new AbortController();
  const stream = await world.client.chat.completions.create(
    { ...CHAT, stream: true },
    { signal: controller.signal },
  );
  const got = [];
  for await (const part of stream) {
    got.push(part);
    await assertLeft(world.requests[0], () => controller.abort());
  }
  assert.equal(got.length, 1);
  await assertNextServed(world);
});

scenario('cancel: a stream, by leaving the loop', ALONE, async (world) => {
  world.provider.answer(endless());
  const stream = await world.client.chat.completions.create({ ...CHAT, stream: true });
  const begin = performance.now();
  for await (const part of stream) {
    assert.equal(part.choices[0].delta.content, 'one');
    break;
  }
  assert.equal(await world.requests[0].abandoned, true);
  assert.ok(performance.now() - begin < PROMPTLY_MS);
  await assertNextServed(world);
});

scenario('cancel: a stream, through the helper', ALONE, async (world) => {
  world.provider.answer(endless());
  const stream = world.client.chat.completions.stream(CHAT);
  await stream.emitted('content.delta');
  const ended = rejection(stream.done());
  await assertLeft(world.requests[0], () => stream.abort());
  assert.equal((await ended).constructor, OpenAI.APIUserAbortError);
  await assertNextServed(world);
});

for (const stream of [false, true]) {
  scenario(
    `cancel: before the answer begins, ${stream ? 'a stream' : 'whole'}`,
    ALONE,
    async (world) => {
      world.provider.answer(silence());
      const controller = new AbortController();
      const ended = rejection(
        world.client.chat.completions.create({ ...CHAT, stream }, { signal: controller.signal }),
      );
      const request = await world.provider.request(0);
      await assertLeft(request, () => controller.abort());
      assert.equal((await ended).constructor, OpenAI.APIUserAbortError);
      await assertNextServed(world);
    },
  );

  scenario(
    `cancel: the client's time-out, ${stream ? 'a stream' : 'whole'}`,
    ALONE,
    async (world) => {
      world.provider.answer(silence());
      const error = await rejection(
        world.client.chat.completions.create({ ...CHAT, stream }, { timeout: 300 }),
      );
      assert.equal(error.constructor, OpenAI.APIConnectionTimeoutError);
      const begin = performance.now();
      assert.equal(await (await world.provider.request(0)).abandoned, true);
      assert.ok(performance.now() - begin < PROMPTLY_MS);
      await assertNextServed(world);
    },
  );
}

scenario('cancel: in the middle of a whole answer', ALONE, async (world) => {
  const headers = { 'content-type': 'application/json', 'content-length': 1_000_000 };
  world.provider.answer(steps(['{"id":', forever], { headers }));
  const controller = new AbortController();
  const response = await world.client.chat.completions
    .create(CHAT, { signal: controller.signal })
    .asResponse();
  const ended = rejection(response.text());
  await assertLeft(world.requests[0], () => controller.abort());
  await ended;
  await assertNextServed(world);
});

scenario('cancel: a stream that nobody reads any more', ALONE, async (world) => {
  const piece = event(chunk({ content: 'x'.repeat(10_000) }));
  world.provider.answer(events(Array(5_000).fill(piece)));
  const controller = new AbortController();
  const response = await world.client.chat.completions
    .create({ ...CHAT, stream: true }, { signal: controller.signal })
    .asResponse();
  const reader = response.body.getReader();
  await reader.read();
  await assertLeft(world.requests[0], () => controller.abort());
  await assertNextServed(world);
});

scenario('cancel: between two replicas', { replicas: 2 }, async (world) => {
  world.provider.answer(silence());
  const controller = new AbortController();
  const ended = rejection(
    world.client.chat.completions.create(CHAT, { signal: controller.signal }),
  );
  const request = await Promise.race(world.providers.map((provider) => provider.request(0)));
  await assertLeft(request, () => controller.abort());
  await ended;
  await world.gateway.settled();
  assert.equal(world.requests.length, 1); // who has left is not served elsewhere
});

scenario('cancel: ten of twenty streams, the others go on', {}, async (world) => {
  const all = gate();
  const go = gate();
  let arrived = 0;
  const answer = (request, response) =>
    events([
      event(chunk({ content: 'one' })),
      () => (++arrived === 20 ? all.open() : undefined),
      () => go.opened,
      event(chunk({ content: 'two' })),
      'data: [DONE]\n\n',
    ])(request, response);
  world.provider.answer(...Array(20).fill(answer));
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const running = controllers.map(async ({ signal }) => {
    const stream = await world.client.chat.completions.create(
      { ...CHAT, stream: true },
      { signal },
    );
    const words = [];
    for await (const part of stream) {
      words.push(part.choices[0].delta.content);
    }
    return words;
  });
  await all.opened;
  controllers.slice(0, 10).forEach((controller) => controller.abort());
  await Promise.allSettled(running.slice(0, 10));
  go.open();
  assert.deepEqual(await Promise.all(running.slice(10)), Array(10).fill(['one', 'two']));
});

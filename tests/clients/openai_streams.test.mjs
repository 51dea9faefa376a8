// The official openai SDK: streams, tools, and streams that break.

import assert from 'node:assert/strict';

import OpenAI from 'openai';

import { RESET, events, gate, steps, whole } from './support/answers.mjs';
import {
  DONE,
  USAGE,
  chunk,
  completion,
  cut,
  event,
  streamOf,
  upstreamText,
  usageChunk,
} from './support/chat.mjs';
import { HELLO, MODEL, SERVED_MODEL, collect, rejection, scenario } from './support/scenario.mjs';

const STREAM = { model: MODEL, messages: HELLO, stream: true };
const STREAM_WITH_USAGE = { ...STREAM, stream_options: { include_usage: true } };

function assertPassed(world, number = 0) {
  assert.equal(world.requests[number].text, upstreamText(world.sent[number].text, SERVED_MODEL));
}

async function rawStream(world, parameters) {
  const response = await world.client.chat.completions.create(parameters).asResponse();
  return response.text();
}

function textOf(chunks) {
  return chunks.map((one) => one.choices[0]?.delta.content ?? '').join('');
}

// ---- Events as they come.

scenario('streams: each event arrives before the next is sent', {}, async (world) => {
  const pieces = ['one ', 'two ', 'three ', 'four'];
  const gates = pieces.map(() => gate());
  world.provider.answer(
    events([
      ...pieces.flatMap((content, i) => [event(chunk({ content })), () => gates[i].opened]),
      DONE,
    ]),
  );
  const stream = await world.client.chat.completions.create(STREAM);
  let seen = 0;
  for await (const part of stream) {
    assert.equal(part.choices[0].delta.content, pieces[seen]);
    gates[seen++].open();
  }
  assert.equal(seen, pieces.length);
});

scenario('streams: the head arrives before the first event', {}, async (world) => {
  const first = gate();
  world.provider.answer(events([() => first.opened, ...streamOf('late')]));
  const { data, response } = await world.client.chat.completions.create(STREAM).withResponse();
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('x-mainstay-model'), MODEL);
  first.open();
  assert.equal(textOf((await collect(data)).items), 'late');
});

scenario('streams: the helper puts the answer together', {}, async (world) => {
  world.provider.answer(events(streamOf('Good 🌍 morning', { points: 1 })));
  const stream = world.client.chat.completions.stream({
    model: MODEL,
    messages: HELLO,
    stream_options: { include_usage: true },
  });
  const deltas = [];
  stream.on('content.delta', ({ delta }) => deltas.push(delta));
  const got = await stream.finalChatCompletion();
  assert.equal(got.choices[0].message.content, 'Good 🌍 morning');
  assert.equal(deltas.join(''), 'Good 🌍 morning');
  assert.deepEqual(await stream.totalUsage(), { ...USAGE });
  assertPassed(world);
});

// ---- Usage.

scenario('streams: usage that was asked for', {}, async (world) => {
  const sent = streamOf('hello');
  world.provider.answer(events(sent), events(sent));
  const { items } = await collect(await world.client.chat.completions.create(STREAM_WITH_USAGE));
  assert.equal(textOf(items), 'hello');
  assert.deepEqual(items.at(-1).usage, USAGE);
  assertPassed(world);
  assert.equal(await rawStream(world, STREAM_WITH_USAGE), sent.join(''));
});

const NOT_ASKED = {
  'no stream_options': {},
  'stream_options null': { stream_options: null },
  'stream_options empty': { stream_options: {} },
  'include_usage false': { stream_options: { include_usage: false } },
  'other options': { stream_options: { include_obfuscation: false } },
};

for (const [name, options] of Object.entries(NOT_ASKED)) {
  scenario(`streams: usage that was not asked for stays hidden: ${name}`, {}, async (world) => {
    const sent = streamOf('hello');
    const shown = streamOf('hello', { usage: false });
    world.provider.answer(events(sent), events(sent));
    const parameters = { ...STREAM, ...options };
    const { items, error } = await collect(await world.client.chat.completions.create(parameters));
    assert.equal(error, undefined);
    assert.equal(textOf(items), 'hello');
    assert.ok(items.every((item) => item.choices.length === 1 && !item.usage));
    assert.equal(world.requests[0].json.stream_options.include_usage, true);
    assertPassed(world);
    assert.equal(await rawStream(world, parameters), shown.join(''));
  });
}

scenario('streams: usage beside the last words is no event of its own', {}, async (world) => {
  const last = chunk({ content: 'end' }, { finish_reason: 'stop', usage: USAGE });
  const sent = [event(chunk({ content: 'the ' })), event(last), DONE].join('');
  world.provider.answer(events([sent]));
  assert.equal(await rawStream(world, STREAM), sent);
});

// ---- Bytes.

const ODD_STREAMS = {
  'comments, ids, names and retry times':
    ': connected\n\nid: 7\nevent: message\nretry: 100\n' +
    `${event(chunk({ content: 'a' }))}: keep-alive\n\n${DONE}`,
  'lines that end in CR LF': [event(chunk({ content: 'a' })), DONE]
    .join('')
    .replaceAll('\n', '\r\n'),
  'no blank after the colon': `data:${JSON.stringify(chunk({ content: 'a' }))}\n\ndata:[DONE]\n\n`,
  'fields that nobody knows': event({ ...chunk({ content: 'a', future: [1] }), x: 1.0e3 }) + DONE,
  'more behind the end': `${event(chunk({ content: 'a' }))}${DONE}: bye\n\n`,
};

for (const [name, sent] of Object.entries(ODD_STREAMS)) {
  scenario(`streams: bytes stay as they are: ${name}`, {}, async (world) => {
    world.provider.answer(events([sent]), events([sent]));
    assert.equal(await rawStream(world, STREAM), sent);
    const { items, error } = await collect(await world.client.chat.completions.create(STREAM));
    assert.equal(error, undefined);
    assert.equal(textOf(items), 'a');
  });
}

scenario('streams: events cut anywhere, also inside a character', {}, async (world) => {
  const sent = Buffer.from(streamOf('schön 漢字 👍🏽', { points: 3 }).join(''));
  const pieces = [];
  for (let at = 0, size = 1; at < sent.length; at += size, size = (size % 7) + 1) {
    pieces.push(sent.subarray(at, at + size));
  }
  world.provider.answer(events(pieces));
  const { items } = await collect(await world.client.chat.completions.create(STREAM));
  assert.equal(textOf(items), 'schön 漢字 👍🏽');
});

scenario('streams: one event above the limit of what is held', {}, async (world) => {
  const content = 'large '.repeat(400_000); // 2.4 MB; stream_buffer_bytes is 1 MB
  world.provider.answer(
    events([
      event(chunk({ content })),
      event(chunk({ content: 'end' })),
      event(usageChunk()),
      DONE,
    ]),
  );
  const { items } = await collect(await world.client.chat.completions.create(STREAM));
  assert.equal(textOf(items), `${content}end`);
  assert.equal(items.length, 2);
});

scenario('streams: 5,000 events to a reader that is in no hurry', {}, async (world) => {
  const words = Array.from({ length: 5_000 }, (_, i) => `${i} ${'x'.repeat(2_000)}`);
  world.provider.answer(events([...words.map((content) => event(chunk({ content }))), DONE]));
  let next = 0;
  for await (const part of await world.client.chat.completions.create(STREAM)) {
    assert.equal(part.choices[0].delta.content, words[next++]);
  }
  assert.equal(next, words.length);
});

scenario('streams: several choices, logprobs and refusals', {}, async (world) => {
  const logprobs = { content: [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }] };
  const first = chunk({ role: 'assistant', content: 'a' });
  first.choices[0].logprobs = logprobs;
  const sent = [
    first,
    chunk({ role: 'assistant', refusal: 'I can' }, { index: 1 }),
    chunk({ refusal: 'not' }, { index: 1 }),
    chunk({}, { finish_reason: 'stop' }),
    chunk({}, { index: 1, finish_reason: 'content_filter' }),
  ];
  world.provider.answer(events([...sent.map(event), DONE]));
  const { items } = await collect(await world.client.chat.completions.create({ ...STREAM, n: 2 }));
  assert.deepEqual(items, sent);
});

scenario('streams: 20 at once, twice over the same connections', {}, async (world) => {
  const rounds = 2;
  const streams = 20;
  for (let round = 0; round < rounds; ++round) {
    const all = gate();
    let arrived = 0;
    const answer = (request, response) => {
      const said = request.json.messages[0].content;
      // Nobody goes on before all of them are under way.
      const wait = () => (++arrived === streams ? all.open() : all.opened);
      return events([event(chunk({ content: 're: ' })), wait, ...streamOf(said)])(
        request,
        response,
      );
    };
    world.provider.answer(...Array(streams).fill(answer));
    const texts = await Promise.all(
      Array.from({ length: streams }, async (_, i) => {
        const content = `round ${round}, stream ${i}`;
        const messages = [{ role: 'user', content }];
        const stream = await world.client.chat.completions.create({ ...STREAM, messages });
        return [textOf((await collect(stream)).items), `re: ${content}`];
      }),
    );
    for (const [got, want] of texts) {
      assert.equal(got, want);
    }
  }
});

// ---- Tools.

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

function call(id, city, name = 'weather') {
  return { id, type: 'function', function: { name, arguments: JSON.stringify({ city }) } };
}

const CALLS = { role: 'assistant', content: null, tool_calls: [call('call_1', 'Köln')] };
const TWO_CALLS = {
  role: 'assistant',
  content: 'Let me look.',
  tool_calls: [call('call_1', 'Köln'), call('call_2', 'São "Paulo"\n')],
};

scenario('tools: a call, its result, an answer', {}, async (world) => {
  world.provider.answer(whole(completion(CALLS)), whole(completion('It rains.')));
  const messages = [...HELLO];
  const parameters = { model: MODEL, messages, tools: [WEATHER], tool_choice: 'auto' };
  const first = await world.client.chat.completions.create(parameters);
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  messages.push(first.choices[0].message);
  for (const { id, function: wanted } of first.choices[0].message.tool_calls) {
    assert.deepEqual(JSON.parse(wanted.arguments), { city: 'Köln' });
    messages.push({ role: 'tool', tool_call_id: id, content: 'rain' });
  }
  const second = await world.client.chat.completions.create(parameters);
  assert.equal(second.choices[0].message.content, 'It rains.');
  assertPassed(world, 0);
  assertPassed(world, 1);
});

scenario('tools: arguments in pieces, two calls', {}, async (world) => {
  world.provider.answer(events(streamOf(TWO_CALLS, { points: 2 })));
  const stream = world.client.chat.completions.stream({
    model: MODEL,
    messages: HELLO,
    tools: [WEATHER],
    parallel_tool_calls: true,
  });
  const done = [];
  stream.on('tool_calls.function.arguments.done', (one) => done.push(one.arguments));
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(finish_reason, 'tool_calls');
  assert.equal(message.content, TWO_CALLS.content);
  assert.deepEqual(
    message.tool_calls.map(({ id, type, function: { name, arguments: text } }) => {
      return { id, type, function: { name, arguments: text } };
    }),
    TWO_CALLS.tool_calls,
  );
  assert.deepEqual(
    done,
    TWO_CALLS.tool_calls.map((one) => one.function.arguments),
  );
});

scenario('tools: calls whose pieces take turns', {}, async (world) => {
  const list = [event(chunk({ role: 'assistant', content: null }))];
  const pieces = TWO_CALLS.tool_calls.map((one) => cut(one.function.arguments, 3));
  for (const [
    index,
    {
      id,
      type,
      function: { name },
    },
  ] of TWO_CALLS.tool_calls.entries()) {
    const start = { index, id, type, function: { name, arguments: '' } };
    list.push(event(chunk({ tool_calls: [start] })));
  }
  for (let i = 0; i < Math.max(...pieces.map((one) => one.length)); ++i) {
    for (const [index, own] of pieces.entries()) {
      if (i < own.length) {
        list.push(event(chunk({ tool_calls: [{ index, function: { arguments: own[i] } }] })));
      }
    }
  }
  list.push(event(chunk({}, { finish_reason: 'tool_calls' })), DONE);
  world.provider.answer(events(list), events(list));
  assert.equal(await rawStream(world, STREAM), list.join(''));
  const { items } = await collect(await world.client.chat.completions.create(STREAM));
  const texts = ['', ''];
  for (const item of items) {
    for (const { index, function: part } of item.choices[0].delta.tool_calls ?? []) {
      texts[index] += part.arguments;
    }
  }
  assert.deepEqual(
    texts,
    TWO_CALLS.tool_calls.map((one) => one.function.arguments),
  );
});

for (const streamed of [false, true]) {
  scenario(`tools: runTools to the end, ${streamed ? 'streamed' : 'whole'}`, {}, async (world) => {
    const answer = (message) => (streamed ? events(streamOf(message)) : whole(completion(message)));
    world.provider.answer(answer(TWO_CALLS), answer(CALLS), answer('Rain everywhere.'));
    const asked = [];
    const tool = {
      ...WEATHER,
      function: {
        ...WEATHER.function,
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push(city);
          return `rain in ${city}`;
        },
      },
    };
    const runner = world.client.chat.completions.runTools({
      model: MODEL,
      messages: HELLO,
      tools: [tool],
      ...(streamed && { stream: true }),
    });
    assert.equal(await runner.finalContent(), 'Rain everywhere.');
    assert.deepEqual(asked, ['Köln', 'São "Paulo"\n', 'Köln']);
    assert.equal(world.requests.length, 3);
    for (let i = 0; i < 3; ++i) {
      assertPassed(world, i);
    }
    const roles = world.requests[2].json.messages.map((message) => message.role);
    assert.deepEqual(roles, ['user', 'assistant', 'tool', 'tool', 'assistant', 'tool']);
  });
}

// ---- Answers that break.

scenario(
  'breaks: a stream that is reset throws, and is not begun anew',
  { replicas: 2 },
  async (world) => {
    const seen = gate();
    const first = event(chunk({ content: 'half an ' }));
    world.provider.answer(events([first, () => seen.opened, RESET]));
    const client = world.newClient({ maxRetries: 2 });
    const got = [];
    const error = await rejection(
      (async () => {
        for await (const part of await client.chat.completions.create(STREAM)) {
          got.push(part);
          seen.open();
        }
      })(),
    );
    assert.equal(textOf(got), 'half an ');
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.type, 'api_error');
    assert.equal(error.code, 'upstream_broken');
    assert.ok(error.requestID);
    assert.equal(world.requests.length, 1);
  },
);

scenario('breaks: an event that was cut in two is not passed on as one', {}, async (world) => {
  const seen = gate();
  const half = event(chunk({ content: 'never whole' })).slice(0, 60);
  world.provider.answer(events([event(chunk({ content: 'one' })), half, () => seen.opened, RESET]));
  const stream = await world.client.chat.completions.create(STREAM);
  const got = [];
  const error = await rejection(
    (async () => {
      for await (const part of stream) {
        got.push(part);
        seen.open();
      }
    })(),
  );
  assert.equal(textOf(got), 'one');
  assert.equal(error.code, 'upstream_broken');
});

scenario('breaks: a stream that is reset behind its head', {}, async (world) => {
  const seen = gate();
  world.provider.answer(events([() => seen.opened, RESET]));
  const stream = await world.client.chat.completions.create(STREAM);
  seen.open();
  const { items, error } = await collect(stream);
  assert.deepEqual(items, []);
  assert.equal(error.code, 'upstream_broken');
});

scenario("breaks: the provider's own error event passes", {}, async (world) => {
  const failed = { error: { message: 'overloaded', type: 'server_error', code: 'busy' } };
  const sent = event(chunk({ content: 'one' })) + event(failed);
  world.provider.answer(events([sent]), events([sent]));
  assert.equal(await rawStream(world, STREAM), sent);
  const { items, error } = await collect(await world.client.chat.completions.create(STREAM));
  assert.equal(textOf(items), 'one');
  assert.equal(error.code, 'busy');
});

const CUT = {
  'its length told': { 'content-length': 1000, 'content-type': 'application/json' },
  'its length unknown': { 'content-type': 'application/json' },
};

for (const [name, headers] of Object.entries(CUT)) {
  scenario(`breaks: a whole answer that is reset in the middle, ${name}`, {}, async (world) => {
    const seen = gate();
    world.provider.answer(steps(['{"id":"half', () => seen.opened, RESET], { headers }));
    const response = await world.client.chat.completions
      .create({ model: MODEL, messages: HELLO })
      .asResponse();
    assert.equal(response.status, 200);
    seen.open();
    await assert.rejects(response.text());
  });
}

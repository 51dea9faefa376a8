// The official openai SDK: what programs ask and what they are told. How it gets over the wire,
// streams, errors and cancelling have files of their own.

import assert from 'node:assert/strict';

import { LengthFinishReasonError } from 'openai/error';
import { makeParseableResponseFormat } from 'openai/lib/parser';

import { events, whole } from './support/answers.mjs';
import { USAGE, completion, event, streamOf, upstreamText } from './support/chat.mjs';
import {
  CLIENT_KEY,
  HELLO,
  MODEL,
  SERVED_MODEL,
  rejection,
  scenario,
} from './support/scenario.mjs';

// What the client sent has reached the provider byte for byte, but for the model.
function assertPassed(world, number = 0) {
  assert.equal(world.requests[number].text, upstreamText(world.sent[number].text, SERVED_MODEL));
}

// ---- Chat.

scenario('chat: a whole answer', {}, async (world) => {
  const answer = completion('Hello!', { system_fingerprint: 'fp_1', service_tier: 'default' });
  world.provider.answer(whole(answer));
  const { _request_id, ...got } = await world.client.chat.completions.create({
    model: MODEL,
    messages: HELLO,
    temperature: 0.3,
  });
  assert.deepEqual(got, answer);
  assert.match(_request_id, /^[\w-]+$/);
  assertPassed(world);
  assert.equal(world.requests[0].url, '/v1/chat/completions');
});

scenario("chat: the bytes of an answer are the provider's", {}, async (world) => {
  const text =
    '{ "id" : "x",\r\n\t"choices":[{"index":0,"message":{"role":"assistant","content":"\\u00e4"}' +
    ' } ],"future":1.0e+2,"usage":{"prompt_tokens":1 ,"completion_tokens":2}}\n\n';
  world.provider.answer(whole(text));
  const response = await world.client.chat.completions
    .create({ model: MODEL, messages: HELLO })
    .asResponse();
  assert.equal(await response.text(), text);
});

const TEXTS = {
  emoji: '👩‍👩‍👧‍👦 🇩🇪 👍🏽 𝄞',
  scripts: 'naïve Ωμέγα 漢字 العربية עברית ไทย',
  quotes: '"quoted" \\back\\slash/ </script> \u2028 \u2029',
  controls: 'tab\t newline\n return\r nul\u0000 bell\u0007 delete\u007f',
  'a lone surrogate': 'broken \ud83d text',
  'what looks like JSON': '{"model":"other","stream":true,"messages":[]}',
  'a byte order mark': '\ufeffmarked',
};

for (const [name, text] of Object.entries(TEXTS)) {
  scenario(`chat: text passes both ways: ${name}`, {}, async (world) => {
    world.provider.answer(whole(completion(text)));
    const messages = [
      { role: 'system', content: text },
      { role: 'user', name: 'someone', content: text },
    ];
    const got = await world.client.chat.completions.create({ model: MODEL, messages });
    assert.equal(got.choices[0].message.content, text);
    assert.deepEqual(world.requests[0].json.messages, messages);
    assertPassed(world);
  });
}

const PARTS = [
  { type: 'text', text: 'What is on them?' },
  { type: 'image_url', image_url: { url: 'https://images.test/a%20b.png?x=1&y=2', detail: 'low' } },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${'iVBORw0KGgo'.repeat(2000)}` } },
  { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
  { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
];

// Parameters that only the provider reads, each with a value that it may answer with.
const PARAMETERS = {
  'many parts': { messages: [{ role: 'user', content: PARTS }] },
  sampling: {
    temperature: 0,
    top_p: 0.1,
    seed: 7,
    n: 2,
    stop: ['\n', 'END'],
    presence_penalty: -1.5,
    frequency_penalty: 1.5,
    logit_bias: { 50256: -100 },
    max_completion_tokens: 128,
  },
  'what is newer than the gateway': {
    reasoning_effort: 'high',
    verbosity: 'low',
    service_tier: 'flex',
    prompt_cache_key: 'cache-1',
    safety_identifier: 'user-1',
    store: true,
    metadata: { ticket: '1', model: 'not this one' },
    prediction: { type: 'content', content: 'const a = 1;' },
    modalities: ['text', 'audio'],
    audio: { voice: 'alloy', format: 'wav' },
    web_search_options: { search_context_size: 'low' },
    a_future_field: { nested: [null, true, 1e21, -0.5] },
  },
  'every role': {
    messages: [
      { role: 'developer', content: 'be short' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, refusal: 'no' },
      { role: 'assistant', content: [{ type: 'text', text: 'part' }], audio: { id: 'audio_1' } },
      { role: 'function', name: 'old', content: '1' },
    ],
  },
};

for (const [name, parameters] of Object.entries(PARAMETERS)) {
  scenario(`chat: parameters pass: ${name}`, {}, async (world) => {
    world.provider.answer(whole(completion('ok')));
    await world.client.chat.completions.create({ model: MODEL, messages: HELLO, ...parameters });
    assertPassed(world);
  });
}

scenario('chat: logprobs, several choices, refusals and annotations pass', {}, async (world) => {
  const token = { token: 'é', logprob: -0.25, bytes: [195, 169], top_logprobs: [] };
  const answer = completion('unused', {
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'é', refusal: null, annotations: [{ type: 'x' }] },
        logprobs: { content: [{ ...token, top_logprobs: [token] }], refusal: null },
        finish_reason: 'stop',
      },
      {
        index: 1,
        message: { role: 'assistant', content: null, refusal: 'I cannot.' },
        logprobs: null,
        finish_reason: 'content_filter',
      },
    ],
  });
  world.provider.answer(whole(answer));
  const got = await world.client.chat.completions.create({
    model: MODEL,
    messages: HELLO,
    logprobs: true,
    top_logprobs: 1,
    n: 2,
  });
  assert.deepEqual(got.choices, answer.choices);
});

scenario('chat: names and aliases of a model', {}, async (world) => {
  for (const model of [MODEL, 'gpt-large']) {
    world.provider.answer(whole(completion('ok')));
    await world.client.chat.completions.create({ model, messages: HELLO });
  }
  assert.deepEqual(
    world.requests.map((request) => request.json.model),
    [SERVED_MODEL, SERVED_MODEL],
  );
});

// ---- Structured output.

const SCHEMA = {
  type: 'json_schema',
  json_schema: {
    name: 'city',
    strict: true,
    schema: {
      type: 'object',
      properties: { name: { type: 'string' }, people: { type: 'integer' } },
      required: ['name', 'people'],
      additionalProperties: false,
    },
  },
};
const CITY = { name: 'Köln', people: 1_087_000 };

scenario('structured output: parse gives the object', {}, async (world) => {
  world.provider.answer(whole(completion(JSON.stringify(CITY))));
  const got = await world.client.chat.completions.parse({
    model: MODEL,
    messages: HELLO,
    response_format: makeParseableResponseFormat(SCHEMA, JSON.parse),
  });
  assert.deepEqual(got.choices[0].message.parsed, CITY);
  assert.deepEqual(world.requests[0].json.response_format, SCHEMA);
  assertPassed(world);
});

scenario('structured output: parse of a stream', {}, async (world) => {
  world.provider.answer(events(streamOf(JSON.stringify(CITY))));
  const stream = world.client.chat.completions.stream({
    model: MODEL,
    messages: HELLO,
    response_format: makeParseableResponseFormat(SCHEMA, JSON.parse),
  });
  const got = await stream.finalChatCompletion();
  assert.deepEqual(got.choices[0].message.parsed, CITY);
  assertPassed(world);
});

scenario('structured output: an answer that was cut off says so', {}, async (world) => {
  const answer = completion('{"name":"K');
  answer.choices[0].finish_reason = 'length';
  world.provider.answer(whole(answer));
  const error = await rejection(
    world.client.chat.completions.parse({
      model: MODEL,
      messages: HELLO,
      response_format: makeParseableResponseFormat(SCHEMA, JSON.parse),
    }),
  );
  assert.ok(error instanceof LengthFinishReasonError, String(error));
});

// ---- Models.

const MODELS = [
  { name: MODEL, provider: 'openai', context_window: 128_000, max_output: 16_384 },
  { name: 'openai/gpt-small', provider: 'openai', aliases: ['small', 'team/default'] },
];

scenario('models: the list', { config: { models: MODELS } }, async (world) => {
  const ids = [];
  for await (const model of world.client.models.list()) {
    assert.equal(model.object, 'model');
    assert.equal(model.owned_by, 'openai');
    assert.equal(typeof model.created, 'number');
    ids.push(model.id);
  }
  // The parts behind the slash are understood as well, but not listed.
  assert.deepEqual(ids, [MODEL, 'openai/gpt-small', 'small', 'team/default']);
});

scenario(
  'models: one by its name, with a slash or not',
  { config: { models: MODELS } },
  async (world) => {
    for (const name of [MODEL, 'gpt-large', 'small', 'team/default']) {
      assert.equal((await world.client.models.retrieve(name)).id, name);
    }
    const error = await rejection(world.client.models.retrieve('openai/none'));
    assert.equal(error.constructor.name, 'NotFoundError');
    assert.equal(error.code, 'model_not_found');
  },
);

scenario(
  'models: only those that the caller may use',
  {
    config: {
      models: MODELS,
      callers: [{ name: 'team', keys: [CLIENT_KEY], allow_models: ['openai/gpt-small'] }],
    },
  },
  async (world) => {
    const list = await world.client.models.list();
    const ids = list.data.map((model) => model.id);
    assert.deepEqual(ids, ['openai/gpt-small', 'small', 'team/default']);
    assert.equal((await rejection(world.client.models.retrieve(MODEL))).status, 404);
  },
);

// ---- Embeddings and legacy completions.

const VECTOR = [0.5, -0.25, 0, 1.5];

function embeddings(embedding) {
  return {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding }],
    model: 'embedder',
    usage: { prompt_tokens: 3, total_tokens: 3 },
  };
}

const BASE64 = Buffer.from(Float32Array.from(VECTOR).buffer).toString('base64');

const EMBEDDINGS = {
  'the SDK asks for base64 and decodes it': [{}, BASE64, 'base64', VECTOR],
  'base64 that was asked for stays text': [{ encoding_format: 'base64' }, BASE64, 'base64', BASE64],
  numbers: [{ encoding_format: 'float', dimensions: 4 }, VECTOR, 'float', VECTOR],
};

for (const [name, [parameters, answer, encoding, want]] of Object.entries(EMBEDDINGS)) {
  scenario(`embeddings: ${name}`, {}, async (world) => {
    world.provider.answer(whole(embeddings(answer)));
    const got = await world.client.embeddings.create({
      model: MODEL,
      input: ['ä', 'two'],
      ...parameters,
    });
    assert.deepEqual(got.data[0].embedding, want);
    assert.equal(world.requests[0].url, '/v1/embeddings');
    assert.equal(world.requests[0].json.encoding_format, encoding);
    assertPassed(world);
  });
}

scenario('embeddings: many tokens in, many numbers out', {}, async (world) => {
  const input = Array.from({ length: 50_000 }, (_, i) => i);
  const vector = Array.from({ length: 50_000 }, (_, i) => Math.fround(i / 7));
  world.provider.answer(whole(embeddings(vector)));
  const got = await world.client.embeddings.create({
    model: MODEL,
    input: [input],
    encoding_format: 'float',
  });
  assert.deepEqual(got.data[0].embedding, vector);
  assertPassed(world);
});

const LEGACY = {
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1,
  model: 'gpt-large',
  choices: [{ index: 0, text: ' world', logprobs: null, finish_reason: 'stop' }],
};

scenario('legacy completions: whole', {}, async (world) => {
  world.provider.answer(whole({ ...LEGACY, usage: USAGE }));
  const got = await world.client.completions.create({
    model: MODEL,
    prompt: ['hello', 'hi'],
    suffix: '!',
    echo: true,
    best_of: 2,
  });
  assert.equal(got.choices[0].text, ' world');
  assert.deepEqual(got.usage, USAGE);
  assert.equal(world.requests[0].url, '/v1/completions');
  assertPassed(world);
});

scenario('legacy completions: a stream is not asked for usage', {}, async (world) => {
  world.provider.answer(events([event(LEGACY), event(LEGACY), 'data: [DONE]\n\n']));
  const stream = await world.client.completions.create({
    model: MODEL,
    prompt: 'hello',
    stream: true,
  });
  let text = '';
  for await (const part of stream) {
    text += part.choices[0].text;
  }
  assert.equal(text, ' world world');
  assertPassed(world);
});

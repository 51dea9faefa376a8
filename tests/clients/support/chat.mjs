// The texts of the OpenAI chat protocol, as a provider writes them.

export const USAGE = { prompt_tokens: 21, completion_tokens: 7, total_tokens: 28 };
export const DONE = 'data: [DONE]\n\n';

const BASE = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'gpt-large-2025-01-01' };

// An event of a stream.
export function event(value) {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function finishReason(message) {
  return message.tool_calls ? 'tool_calls' : 'stop';
}

// A whole answer. `message` may be only its text.
export function completion(message, more = {}) {
  const full = typeof message === 'string' ? { role: 'assistant', content: message } : message;
  return {
    ...BASE,
    object: 'chat.completion',
    choices: [{ index: 0, message: full, logprobs: null, finish_reason: finishReason(full) }],
    usage: USAGE,
    ...more,
  };
}

export function chunk(delta, { index = 0, finish_reason = null, ...more } = {}) {
  return {
    ...BASE,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, finish_reason }],
    ...more,
  };
}

export function usageChunk(usage = USAGE) {
  return { ...BASE, object: 'chat.completion.chunk', choices: [], usage };
}

// Cuts a text into pieces of so many code points.
export function cut(text, points) {
  const all = Array.from(text);
  const pieces = [];
  for (let i = 0; i < all.length; i += points) {
    pieces.push(all.slice(i, i + points).join(''));
  }
  return pieces;
}

// The deltas that together make `message`.
function deltasOf(message, points) {
  const deltas = [{ role: 'assistant', content: message.content === null ? null : '' }];
  for (const piece of cut(message.content ?? '', points)) {
    deltas.push({ content: piece });
  }
  for (const [index, { id, type, function: call }] of (message.tool_calls ?? []).entries()) {
    deltas.push({
      tool_calls: [{ index, id, type, function: { name: call.name, arguments: '' } }],
    });
    for (const piece of cut(call.arguments, points)) {
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
  return deltas;
}

// The events of the stream of a message, from the first to [DONE], with usage at the end.
// `message` may be only its text.
export function streamOf(message, { points = 4, usage = true } = {}) {
  const full = typeof message === 'string' ? { role: 'assistant', content: message } : message;
  const list = deltasOf(full, points).map((delta) => event(chunk(delta)));
  list.push(event(chunk({}, { finish_reason: finishReason(full) })));
  if (usage) {
    list.push(event(usageChunk()));
  }
  return [...list, DONE];
}

// What has to arrive at the provider when a client sends `text`, the JSON of an object without
// white space: the model's value is the provider's, a chat stream asks for its usage, and every
// other byte is as it was.
export function upstreamText(text, model) {
  const body = JSON.parse(text);
  if (JSON.stringify(body) !== text) {
    throw new Error('upstreamText needs a body as JSON.stringify writes it');
  }
  body.model = model;
  const options = body.stream_options;
  if (body.stream !== true || body.messages === undefined || options?.include_usage === true) {
    return JSON.stringify(body);
  }
  if (options === undefined) {
    return `{"stream_options":{"include_usage":true},${JSON.stringify(body).slice(1)}`;
  }
  if (options !== null && 'include_usage' in options) {
    options.include_usage = true;
  } else {
    body.stream_options = { include_usage: true, ...options };
  }
  return JSON.stringify(body);
}

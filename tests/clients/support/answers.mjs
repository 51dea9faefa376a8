// Answers for the script of a provider.

// A step of `steps`: the connection is reset.
export const RESET = Symbol('reset');

// The connection is reset before anything of the answer.
export function reset() {
  return (request, response) => response.socket.resetAndDestroy();
}

// Never answers; the other side has to give up.
export function silence() {
  return () => {};
}

// A whole answer with its length. `body`: an object, which becomes JSON, or text, or bytes.
export function whole(body, { status = 200, headers = {} } = {}) {
  const isPlain = typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = Buffer.from(isPlain ? body : JSON.stringify(body));
  return (request, response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': bytes.length,
      ...headers,
    });
    response.end(bytes);
  };
}

// An error in the shape of the protocol.
export function failure(status, headers = {}, error = {}) {
  const body = {
    error: { message: `scripted ${status}`, type: 'scripted', param: null, code: null, ...error },
  };
  return whole(body, { status, headers });
}

// Resolves when more may be written, or nothing any more.
function drained(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

// An answer of unknown length, step by step. A step is text or bytes, which leave in a write of
// their own; a function, which is waited for; or RESET.
export function steps(list, { status = 200, headers = {} } = {}) {
  return async (request, response) => {
    response.writeHead(status, headers);
    response.flushHeaders();
    for (const step of list) {
      if (step === RESET) {
        response.socket.resetAndDestroy();
        return;
      }
      if (typeof step === 'function') {
        await step(request);
      } else if (!response.write(step) && !response.destroyed) {
        await drained(response);
      }
      if (response.destroyed) {
        return;
      }
    }
    response.end();
  };
}

// The same as a stream of events.
export function events(list, { headers = {}, ...options } = {}) {
  return steps(list, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', ...headers },
    ...options,
  });
}

// Something that one side waits for until the other opens it.
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

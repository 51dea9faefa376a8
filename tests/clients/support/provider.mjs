// A provider on a port of this process. It keeps every request as it came and gives the answers
// that a test wrote down for it, in their order.

import { once } from 'node:events';
import http from 'node:http';

// Resolves when this is closed, for whatever reason.
function closing(emitter) {
  return new Promise((resolve) => emitter.once('close', resolve));
}

// One request and what became of its connection.
class ProviderRequest {
  constructor(request, body, response, connection) {
    this.method = request.method;
    this.url = request.url;
    this.body = body;
    this.connection = connection; // number of the connection, counted from 1
    // [name, value] as on the wire: spelling and order kept.
    this.headerLines = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      this.headerLines.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
    }
    this.headers = request.headers;
    // True when the other side went away before it had the whole answer.
    this.abandoned = closing(response).then(() => !response.writableFinished);
  }

  get text() {
    return this.body.toString('utf8');
  }

  get json() {
    return JSON.parse(this.text);
  }
}

// What one or several providers answer. Several with one script stand for equal replicas when it
// does not matter which of them is asked first.
export class Script {
  #answers = [];
  #unexpected = [];

  // Appends answers; each serves one request. An answer is a function that gets the request and
  // node's response object. support/answers.mjs makes the usual ones.
  answer(...answers) {
    this.#answers.push(...answers);
    return this;
  }

  // Serves every request for which no answer is left; nothing may be left over in the end.
  otherwise(answer) {
    this.rest = answer;
    return this;
  }

  async play(request, response) {
    const answer = this.#answers.shift() ?? this.rest;
    if (answer === undefined) {
      this.#unexpected.push(`${request.method} ${request.url} ${request.text.slice(0, 500)}`);
      response.writeHead(418).end('the script has no answer for this request');
      return;
    }
    await answer(request, response);
  }

  check() {
    if (this.#unexpected.length > 0) {
      throw new Error(`requests without an answer in the script: ${this.#unexpected.join('\n')}`);
    }
    if (this.#answers.length > 0) {
      throw new Error(`${this.#answers.length} answers of the script were never asked for`);
    }
  }
}

export class Provider {
  requests = [];
  connections = 0;
  #waiting = [];
  #failures = [];

  static async start(script = new Script()) {
    const provider = new Provider();
    provider.script = script;
    provider.server = http.createServer((request, response) => provider.#serve(request, response));
    // Idle connections are for the gateway to close.
    provider.server.keepAliveTimeout = 0;
    provider.server.on('connection', (socket) => {
      socket.number = ++provider.connections;
      socket.on('error', () => {}); // of a reset `abandoned` tells
    });
    provider.server.on('checkContinue', (request, response) => {
      provider.#failures.push(new Error('the gateway passed "expect: 100-continue" on'));
      response.writeHead(417).end();
    });
    provider.server.listen(0, '127.0.0.1');
    await once(provider.server, 'listening');
    provider.port = provider.server.address().port;
    provider.baseUrl = `http://127.0.0.1:${provider.port}/v1`;
    return provider;
  }

  answer(...answers) {
    this.script.answer(...answers);
    return this;
  }

  // The request with this number, from 0, as soon as it has arrived whole.
  request(number) {
    if (number < this.requests.length) {
      return Promise.resolve(this.requests[number]);
    }
    return new Promise((resolve) => this.#waiting.push({ number, resolve }));
  }

  async #serve(incoming, response) {
    response.on('error', () => {}); // of a client that left `abandoned` tells
    try {
      const pieces = [];
      for await (const piece of incoming) {
        pieces.push(piece);
      }
      const body = Buffer.concat(pieces);
      const request = new ProviderRequest(incoming, body, response, incoming.socket.number);
      request.socket = incoming.socket;
      this.requests.push(request);
      for (const { number, resolve } of this.#waiting) {
        if (number === this.requests.length - 1) {
          resolve(request);
        }
      }
      await this.script.play(request, response);
    } catch (error) {
      if (incoming.complete) {
        this.#failures.push(error);
      }
      response.destroy();
    }
  }

  // Fails when the script was not followed. May be called again.
  async stop() {
    if (this.server.listening) {
      this.server.close();
      this.server.closeAllConnections();
      await once(this.server, 'close');
    }
    if (this.#failures.length > 0) {
      throw this.#failures[0];
    }
    this.script.check();
  }
}

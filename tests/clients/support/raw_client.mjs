// Sends requests whose header lines and body are exactly those given, and gives back the bytes of
// the answers. Connections are kept and used again.

import { once } from 'node:events';
import http from 'node:http';

export class RawClient {
  #agent;
  #url;

  constructor(url, connections) {
    this.#url = url;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  }

  // `headers`: a flat list of names and values, in the order of the wire.
  async post(path, headers, body) {
    const request = http.request(new URL(path, this.#url), {
      method: 'POST',
      agent: this.#agent,
      headers: [...headers, 'content-length', String(body.length)],
    });
    request.end(body);
    const [response] = await once(request, 'response');
    const pieces = [];
    for await (const piece of response) {
      pieces.push(piece);
    }
    return {
      status: response.statusCode,
      headers: response.headers,
      body: Buffer.concat(pieces),
    };
  }

  close() {
    this.#agent.destroy();
  }
}

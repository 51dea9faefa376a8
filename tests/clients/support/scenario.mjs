// A test with everything it needs around the gateway: providers, the gateway's process, a client.

import { test } from 'node:test';

import OpenAI from 'openai';

import { Gateway } from './gateway.mjs';
import { Provider, Script } from './provider.mjs';

export const MODEL = 'openai/gpt-large'; // what clients call it
export const SERVED_MODEL = 'gpt-large-of-the-provider'; // what the provider calls it
export const CLIENT_KEY = 'key-of-the-client';
export const ACCOUNT_KEY = 'key-of-the-account';
export const HELLO = [{ role: 'user', content: 'hello' }];

const TIMEOUT_MS = 30_000;

class World {
  providers = [];
  // What the client sent, in order: {url, text}.
  sent = [];

  // options:
  //   replicas   number of providers behind the one model; they share one script
  //   provider   more keys of the provider's configuration
  //   config     more keys of the configuration
  //   client     more options of the client
  static async open({ replicas = 1, provider = {}, config = {}, client = {} }) {
    const world = new World();
    try {
      await world.#open(replicas, provider, config, client);
    } catch (error) {
      await world.close().catch(() => {});
      throw error;
    }
    return world;
  }

  async #open(replicas, provider, config, client) {
    const script = new Script();
    for (let i = 0; i < replicas; ++i) {
      this.providers.push(await Provider.start(script));
    }
    this.provider = this.providers[0];
    this.gateway = await Gateway.start({
      callers: [{ name: 'team', keys: [CLIENT_KEY] }],
      providers: [
        {
          name: 'openai',
          protocol: 'openai_chat',
          endpoints: this.providers.map((one) => one.baseUrl),
          accounts: [{ alias: 'main', api_key: ACCOUNT_KEY }],
          ...provider,
        },
      ],
      models: [{ name: MODEL, provider: 'openai', upstream_name: SERVED_MODEL }],
      ...config,
    });
    this.client = this.newClient(client);
  }

  // A client that does not try again unless told so, and whose requests are kept in `sent`.
  newClient(options = {}) {
    return new OpenAI({
      apiKey: CLIENT_KEY,
      baseURL: `${this.gateway.url}/v1`,
      maxRetries: 0,
      logLevel: 'off',
      fetch: (url, init) => {
        this.sent.push({ url: String(url), text: init.body });
        return fetch(url, init);
      },
      ...options,
    });
  }

  // All requests that reached a provider.
  get requests() {
    return this.providers.flatMap((provider) => provider.requests);
  }

  // Everything is stopped, also when one of them has something to complain about.
  async close() {
    const outcomes = [];
    for (const part of [this.gateway, ...this.providers]) {
      outcomes.push(await Promise.resolve(part?.stop()).catch((error) => error));
    }
    const failure = outcomes.find((outcome) => outcome instanceof Error);
    if (failure) {
      throw failure;
    }
  }
}

// Defines a test. `body` gets the world; options are those of World.open, and node's `skip`.
export function scenario(name, { skip = false, ...options }, body) {
  test(name, { timeout: TIMEOUT_MS, skip }, async (t) => {
    const world = await World.open(options);
    t.after(() => world.close());
    await body(world, t);
  });
}

// The items of an async iterable, and the error that ended it instead of its end.
export async function collect(iterable) {
  const items = [];
  try {
    for await (const item of iterable) {
      items.push(item);
    }
    return { items };
  } catch (error) {
    return { items, error };
  }
}

// What a promise is rejected with; fails when it is not.
export async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`was expected to fail, but gave ${JSON.stringify(value)}`);
}

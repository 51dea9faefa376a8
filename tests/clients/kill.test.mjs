// Kills the gateway in the middle of its work, again and again: it always starts again, and what it
// acknowledged longer ago than state.flush_interval_ms (20 ms) is there.
//
// MAINSTAY_KILL_ROUNDS is 5 unless told; a machine that is busy with other things gets 480 ms more.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePorts } from './support/gateway.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BINARY = process.env.MAINSTAY_BINARY || path.join(ROOT, 'build/release/mainstay');
const ROUNDS = Number(process.env.MAINSTAY_KILL_ROUNDS || 5);
const LOST_MS_MAX = 500;
const CLIENTS = 16;
const START_DEADLINE_MS = 10_000;
// Of rounds before the last one, that are looked at again.
const OLDER_SESSIONS = 50;

// The router sends what has an "a" in it to p/a, all else to p/b.
const SCRIPT = {
  rules: [
    { match: { model: 'judge', contains: 'take a' }, actions: [{ text: '{"route":"a"}' }] },
    { match: { model: 'judge' }, actions: [{ text: '{"route":"b"}' }] },
  ],
};

function config(folder, port, adminPort, providerPort) {
  const url = `http://127.0.0.1:${providerPort}/v1`;
  const route = (name) => ({ name, description: name, models: [`p/${name}`] });
  return {
    version: 1,
    server: { listen: `127.0.0.1:${port}`, admin_listen: `127.0.0.1:${adminPort}`, workers: 2 },
    providers: [{ name: 'p', protocol: 'openai_chat', base_url: url }],
    models: [{ name: 'p/a', provider: 'p' }, { name: 'p/b', provider: 'p' }],
    routing: {
      preferences: [route('a'), route('b')],
      router: { base_url: url, model: 'judge' },
      session_max_entries: 1_000_000, // what is missing was lost, not given up
    },
    state: { engine: 'sqlite', path: path.join(folder, 'state') },
  };
}

function start(...parameters) {
  const child = spawn(BINARY, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (child.output += text));
  child.exited = once(child, 'exit');
  return child;
}

class Load {
  constructor(port) {
    this.port = port;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  }

  // {model, pin} of the answer to a request that would like to go to that route.
  ask(session, route) {
    const body = JSON.stringify({
      model: 'p/a',
      messages: [{ role: 'user', content: `take ${route}, ${session}` }],
    });
    return new Promise((resolve, reject) => {
      const request = http.request({
        agent: this.agent,
        port: this.port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'x-session-id': session },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.on('error', reject).on('end', () => {
          resolve({
            status: response.statusCode,
            model: response.headers['x-mainstay-model'],
            pin: response.headers['x-mainstay-pin'],
          });
        });
        response.resume();
      });
      request.end(body);
    });
  }

  // New sessions one after the other until the gateway is gone. Fills `acknowledged`.
  async run(prefix, acknowledged) {
    for (let n = 0; ; ++n) {
      const session = `${prefix}-${n}`;
      const route = n % 3 === 0 ? 'b' : 'a';
      const { status, model, pin } = await this.ask(session, route).catch(() => ({}));
      if (status === undefined) {
        return;
      }
      assert.deepEqual({ status, model, pin }, { status: 200, model: `p/${route}`, pin: 'set' });
      acknowledged.push({ session, model, at: performance.now() });
    }
  }
}

async function ready(gateway, port) {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (gateway.exitCode === null && gateway.signalCode === null && performance.now() < deadline) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
        headers: { connection: 'close' },
      });
      await response.arrayBuffer();
      if (response.status === 200) {
        return;
      }
    } catch {
      // Nobody listens yet.
    }
    await pause(2);
  }
  throw new Error(`the gateway does not start:\n${gateway.output}`);
}

// How old the oldest change is that is not there any more, in ms; 0 when all is there.
async function oldestLost(load, sessions, killed) {
  let oldest = 0;
  const queue = [...sessions];
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
        const other = one.model === 'p/a' ? 'b' : 'a';
        const { model, pin } = await load.ask(one.session, other);
        if (pin === 'hit') {
          assert.equal(model, one.model, `${one.session} is held to what it was given`);
        } else {
          one.lost = true; // and pinned again, by this question
          oldest = Math.max(oldest, killed - one.at);
        }
      }
    }),
  );
  return oldest;
}

test(`state: ${ROUNDS} rounds of SIGKILL under load`, { timeout: 30_000 * ROUNDS }, async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'mainstay-kill-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [port, adminPort, providerPort] = await freePorts(3);
  const script = path.join(folder, 'script.json');
  await writeFile(script, JSON.stringify(SCRIPT));
  const file = path.join(folder, 'gateway.yaml');
  await writeFile(file, JSON.stringify(config(folder, port, adminPort, providerPort)));
  const listen = `127.0.0.1:${providerPort}`;
  const provider = start('fake-provider', '--listen', listen, '--script', script);
  t.after(() => provider.kill('SIGKILL'));
  let gateway = start('serve', '-c', file);
  t.after(() => gateway.kill('SIGKILL'));
  await ready(gateway, port);

  let pinned = 0;
  let worst = 0;
  const older = [];
  for (let round = 0; round < ROUNDS; ++round) {
    const load = new Load(port);
    const acknowledged = [];
    const runs = Array.from({ length: CLIENTS }, (_, i) =>
      load.run(`${round}-${i}`, acknowledged),
    );
    await pause(randomInt(20, 400));
    gateway.kill('SIGKILL');
    const killed = performance.now();
    await gateway.exited;
    await Promise.all(runs);
    load.agent.destroy();

    gateway = start('serve', '-c', file);
    await ready(gateway, port);
    const after = new Load(port);
    const lost = await oldestLost(after, acknowledged, killed);
    assert.ok(lost <= LOST_MS_MAX, `round ${round}: lost a pin that was ${lost} ms old`);
    assert.equal(await oldestLost(after, older, killed), 0, 'what was there stays');
    after.agent.destroy();
    worst = Math.max(worst, lost);
    pinned += acknowledged.length;
    older.push(...acknowledged.filter(({ lost }) => !lost).slice(0, 3));
    older.splice(0, Math.max(0, older.length - OLDER_SESSIONS));
  }
  assert.ok(pinned > 0);
  t.diagnostic(`${pinned} pins; the oldest that was lost was ${worst.toFixed(1)} ms old`);
  gateway.kill('SIGTERM');
  assert.deepEqual(await gateway.exited, [0, null], gateway.output);
});

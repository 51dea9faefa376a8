// Starts the gateway's binary for one test and stops it again.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BINARY = process.env.MAINSTAY_BINARY || path.join(ROOT, 'build/release/mainstay');
const STARTS_MAX = 5;
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 10_000;

// Below the range that the kernel takes local ports of connections from, so that nobody gets a
// port between its test here and its use by the gateway.
const PORT_MIN = 12_000;
const PORT_END = 32_000;

const running = new Set();
// The test runner may end this process in the middle of a test.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

async function isFree(port) {
  const probe = net.createServer();
  try {
    probe.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}

// Two ports of 127.0.0.1 where nobody listens.
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = randomInt(PORT_MIN, PORT_END);
    if (!ports.has(port) && (await isFree(port))) {
      ports.add(port);
    }
  }
  return [...ports];
}

async function requireBinary() {
  try {
    await access(BINARY);
  } catch {
    throw new Error(`there is no gateway at ${BINARY}; build it, or name one in MAINSTAY_BINARY`);
  }
}

export class Gateway {
  // `config` is the configuration without the listeners and the state, which are added here.
  // Returns when the gateway serves.
  static async start(config) {
    await requireBinary();
    const folder = await mkdtemp(path.join(os.tmpdir(), 'mainstay-clients-'));
    for (let start = 1; ; ++start) {
      const gateway = await Gateway.#spawn(config, folder);
      if (await gateway.#serves()) {
        return gateway;
      }
      if (start === STARTS_MAX) {
        await rm(folder, { recursive: true, force: true });
        throw new Error(`the gateway does not start:\n${gateway.output}`);
      }
    }
  }

  static async #spawn(config, folder) {
    const gateway = new Gateway();
    const [port, adminPort] = await freePorts(2);
    const file = path.join(folder, 'gateway.yaml');
    const whole = {
      version: 1,
      state: { engine: 'memory' },
      ...config,
      server: {
        workers: 2,
        drain_timeout_ms: 1000,
        ...config.server,
        listen: `127.0.0.1:${port}`,
        admin_listen: `127.0.0.1:${adminPort}`,
      },
    };
    await writeFile(file, JSON.stringify(whole, null, 2)); // JSON is YAML
    gateway.folder = folder;
    gateway.port = port;
    gateway.url = `http://127.0.0.1:${port}`;
    gateway.output = '';
    gateway.child = spawn(BINARY, ['serve', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    gateway.exited = once(gateway.child, 'exit');
    gateway.exited.catch(() => {}); // #serves and stop say what happened
    running.add(gateway.child);
    for (const stream of [gateway.child.stdout, gateway.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (gateway.output += text));
    }
    return gateway;
  }

  // Returns when a gateway with one worker has read everything that reached it before: the worker
  // answers a request only after what came earlier, and the second one after all that was ready
  // together with the first.
  async settled() {
    for (let i = 0; i < 2; ++i) {
      await (await fetch(`${this.url}/healthz`)).arrayBuffer();
    }
  }

  get #ended() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  // False when the process ended instead, for example because somebody took its port.
  async #serves() {
    const deadline = performance.now() + START_DEADLINE_MS;
    while (!this.#ended && performance.now() < deadline) {
      try {
        const response = await fetch(`${this.url}/readyz`, { headers: { connection: 'close' } });
        await response.arrayBuffer();
        if (response.status === 200) {
          return true;
        }
      } catch {
        // Nobody listens yet.
      }
      await pause(5);
    }
    await this.#kill();
    return false;
  }

  async #kill() {
    if (!this.#ended) {
      this.child.kill('SIGKILL');
      await this.exited;
    }
    running.delete(this.child);
  }

  // Ends the process in the ordinary way and takes anything else than exit code 0 for a failure:
  // a crash, a report of a sanitizer, a drain that hangs.
  async stop() {
    if (!this.#ended) {
      this.child.kill('SIGTERM');
    }
    const deadline = new AbortController();
    const late = pause(STOP_DEADLINE_MS, 'late', { signal: deadline.signal }).catch(() => {});
    const outcome = await Promise.race([this.exited, late]);
    deadline.abort();
    await this.#kill();
    await rm(this.folder, { recursive: true, force: true });
    if (outcome === 'late') {
      throw new Error(`the gateway did not stop on SIGTERM:\n${this.output}`);
    }
    const [code, signal] = outcome;
    if (code !== 0) {
      throw new Error(`the gateway ended with ${signal ?? `exit code ${code}`}:\n${this.output}`);
    }
  }
}

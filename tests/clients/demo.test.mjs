// What the demos print: `mainstay demo`, and the scripts in demos/ against the scripted provider.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePorts } from './support/gateway.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BINARY = process.env.MAINSTAY_BINARY || path.join(ROOT, 'build/release/mainstay');
const CLIENTS = fileURLToPath(new URL('./', import.meta.url));
const PINNING = path.join(ROOT, 'demos/session_pinning');
const LIMIT = { timeout: 60_000 };

const run = promisify(execFile);

// The same text for every session id.
function withoutIds(text) {
  return text.replace(/(X-Session-Id: )[0-9a-f]{8}…/g, '$1…');
}

// The first block of the text that begins with the command.
function shownOutput(readme, command) {
  const [, block] = readme.split(`\`\`\`console\n$ ${command}\n`);
  assert.ok(block !== undefined, `README.md shows no output of ${command}`);
  return block.slice(0, block.indexOf('```'));
}

// {cost, cached, prompt} of each run.
function costs(output) {
  const lines = output.matchAll(/cost \$([\d.]+), ([\d,]+) of ([\d,]+) prompt tokens from cache/g);
  return [...lines].map((line) => {
    const [cost, cached, prompt] = line.slice(1).map((text) => Number(text.replaceAll(',', '')));
    return { cost, cached, prompt };
  });
}

function assertBothRuns(output) {
  assert.match(output, /✗ Without pinning: model switched 4 time\(s\) — \S+, \S+\n/);
  assert.match(output, /✓ With pinning: \S+ held for all 5 steps\n/);
  assert.equal(output.match(/← switched/g).length, 4);
  const [free, pinned] = costs(output);
  assert.ok(pinned.cost < free.cost, `${pinned.cost} < ${free.cost}`);
  assert.ok(free.cached > 0);
  assert.ok(pinned.cached / pinned.prompt > free.cached / free.prompt);
}

// Runs the gateway's binary until the test is over; returns when it says where it listens.
async function start(t, ...parameters) {
  const child = spawn(BINARY, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}

async function demoEnvironment() {
  const ports = await freePorts(3);
  const [listen, admin, provider] = ports.map((port) => `127.0.0.1:${port}`);
  return {
    provider,
    environment: {
      ...process.env,
      MAINSTAY_BINARY: BINARY,
      OPENAI_API_KEY: 'demo',
      OPENAI_BASE_URL: `http://${provider}/v1`,
      DEMO_LISTEN: listen,
      DEMO_ADMIN_LISTEN: admin,
      DEMO_PROVIDER: provider,
    },
  };
}

test('demo: README.md shows what `mainstay demo` prints', LIMIT, async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'mainstay-demo-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout, stderr } = await run(BINARY, ['demo'], { cwd: folder });
  assertBothRuns(stdout);
  assert.equal(stderr, '');
  const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
  assert.equal(withoutIds(shownOutput(readme, 'build/release/mainstay demo')), withoutIds(stdout));
  assert.deepEqual(await readdir(folder), [], 'it leaves nothing behind');
});

test('demo: two demos run at once', LIMIT, async () => {
  const outputs = await Promise.all([run(BINARY, ['demo']), run(BINARY, ['demo'])]);
  for (const { stdout } of outputs) {
    assertBothRuns(stdout);
  }
});

// A copy of the demo with the SDK of these tests, so that nothing is fetched.
async function installedDemo(t) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'mainstay-demo-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const name of await readdir(PINNING)) {
    if (name !== 'node_modules') {
      await copyFile(path.join(PINNING, name), path.join(folder, name));
    }
  }
  await symlink(path.join(CLIENTS, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

test('demo: demos/session_pinning runs against the scripted provider', LIMIT, async (t) => {
  const { provider, environment } = await demoEnvironment();
  await start(t, 'fake-provider', '--listen', provider);
  const script = path.join(await installedDemo(t), 'demo.sh');
  const { stdout } = await run(script, [], { env: environment });
  assertBothRuns(stdout);
});

test('demo: demos/session_pinning asks for the SDK that is tested', LIMIT, async () => {
  const [demo, tested] = await Promise.all(
    [PINNING, CLIENTS].map(async (folder) => {
      const lock = JSON.parse(await readFile(path.join(folder, 'package-lock.json'), 'utf8'));
      return lock.packages['node_modules/openai'];
    }),
  );
  assert.deepEqual(demo, tested);
});

// What the routing endpoint answered, in order.
async function routingAnswers(router) {
  const { environment } = await demoEnvironment();
  const script = path.join(ROOT, 'demos/model_routing_service/demo.sh');
  const { stdout } = await run(script, [], { env: { ...environment, DEMO_ROUTER: router } });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line));
}

for (const [router, inline] of Object.entries({
  local: { models: ['demo/small'], route: null, reason: 'router_unavailable' },
  llm: { models: ['demo/large'], route: 'verse', reason: 'decision_matched' },
})) {
  test(`demo: demos/model_routing_service with the ${router} router`, LIMIT, async () => {
    const answers = await routingAnswers(router);
    const facts = answers.map(({ models, route, pinned, reason }) => ({
      models,
      route,
      pinned,
      reason,
    }));
    const code = { models: ['demo/large', 'demo/small'], route: 'code_generation' };
    const summary = { models: ['demo/small', 'demo/large'], route: 'summarization' };
    assert.deepEqual(facts.slice(0, 4), [
      { ...code, pinned: false, reason: 'decision_matched' },
      { ...summary, pinned: false, reason: 'decision_matched' },
      { ...code, pinned: false, reason: 'pin_set' },
      { ...code, pinned: true, reason: 'pin_hit' },
    ]);
    assert.equal(answers[4].model, 'large');
    assert.deepEqual(answers[5].models, ['demo/large']);
    assert.deepEqual(answers[5].dropped, [{ model: 'demo/small', reason: 'capability_vision' }]);
    assert.deepEqual(facts[6], { ...inline, pinned: false });
  });
}

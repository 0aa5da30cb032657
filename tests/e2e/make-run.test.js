// `make run` where it cannot go on: it says what is wrong and what to do, and starts nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort, root } from '../harness/machine.js';

describe('make run', () => {
  let folder;
  let ports;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cooperage-run-'));
    const [web, delivery, registry] = [await freePort(), await freePort(), await freePort()];
    ports = { web, delivery, registry };
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What it printed and how it ended, with these settings; `prefix` is a command that runs it. */
  function run(settings, prefix = []) {
    const [program, ...words] = [...prefix, join(root, 'scripts/run.sh')];
    const env = {
      ...process.env,
      COOPERAGE_LISTEN: `127.0.0.1:${ports.web}`,
      COOPERAGE_DELIVERY_LISTEN: `127.0.0.1:${ports.delivery}`,
      COOPERAGE_REGISTRY_PORT: `${ports.registry}`,
      COOPERAGE_DATA_DIR: join(folder, 'data'),
      ...settings,
    };
    delete env.COOPERAGE_REGISTRY_HOST;
    return new Promise((resolve) => {
      execFile(program, words, { env, timeout: 120_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, text: stdout + stderr }));
    });
  }

  for (const [what, which] of [['the web app', 'web'], ['builds that deliver their logs', 'delivery'], ['the registry', 'registry']]) {
    test(`says that the port for ${what} is taken, and which one to take`, async () => {
      const taker = createServer();
      await new Promise((resolve) => taker.listen(ports[which], '127.0.0.1', resolve));
      const { code, text } = await run({});
      await new Promise((resolve) => taker.close(resolve));
      assert.equal(code, 1, text);
      assert.match(text, new RegExp(`Port ${ports[which]}, for ${what}, is taken`));
      assert.match(text, /What to do:.*choose another port: COOPERAGE_\w+=\S+ make run/s);
    });
  }

  test('says that the disk of the data folder is full', { skip: process.getuid() !== 0 && 'only root can mount a small disk' }, async () => {
    const small = join(folder, 'small');
    const script = `mkdir -p ${small} && mount -t tmpfs -o size=20m tmpfs ${small} && exec "$0"`;
    const { code, text } = await run({ COOPERAGE_DATA_DIR: join(small, 'data') }, ['unshare', '--mount', 'sh', '-c', script]);
    assert.equal(code, 1, text);
    assert.match(text, new RegExp(`Only \\d+ MB are free on the disk of ${small}/data`));
    assert.match(text, /choose a data folder on another disk: COOPERAGE_DATA_DIR=FOLDER make run/);
  });

  test('says that the data folder cannot be made', async () => {
    const { code, text } = await run({ COOPERAGE_DATA_DIR: '/dev/null/data' });
    assert.equal(code, 1, text);
    assert.match(text, /The data folder \/dev\/null\/data cannot be made/);
  });
});

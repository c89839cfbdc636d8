/** What a client that is ended leaves at the node: nothing, at once. `docs/spec/git.md` 5 and 10. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, realNode } from './support.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`a client that is ended by ${signal} tells the node`, async (t) => {
    const place = await realNode(t);
    const ada = await place.client('ada', ['git:admin:**']);
    await ada.call('git/create', { name: 'app' });
    const before = place.node.status().connections;

    const helper = spawn(join(place.directory, 'bin', 'git-remote-alknet'), ['origin', ada.url('app')], {
      env: { PATH: process.env['PATH'], HOME: ada.home, ALKNET_DATA: join(ada.home, 'alknet') },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => helper.kill('SIGKILL'));
    let told = '';
    helper.stdout.setEncoding('latin1').on('data', (text: string) => {
      told += text;
    });
    helper.stdin.write('capabilities\nconnect git-upload-pack\n');
    // git on the node has said what it can do, and waits.
    await eventually('git answers', () => told.includes('version 2'));
    assert.equal(place.node.status().connections, before + 1);

    helper.kill(signal);
    const [code] = (await once(helper, 'exit')) as [number | null];
    assert.equal(code, 128 + constants.signals[signal]);
    // Its idle time-out is 30 s away.
    await eventually('its connection is gone', () => place.node.status().connections === before, 5_000);
  });
}

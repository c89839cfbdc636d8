/** A changed secret, as the plugin itself sees it outside of calls. `docs/spec/vault.md` 12. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { labNode, until } from '../peers/support.ts';

const keeper = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
let host;
let kept;
let starts = 0;
export default definePlugin({
  name: 'keeper', version: '1.0.0', requests: { secrets: ['weather'] },
  operations: [defineOperation({ name: 'keeper/values', type: 'query', access: 'public', input: Type.Any(), output: Type.Any(),
    handler: (_input, { capabilities }) =>
      ({ starts, call: capabilities.get('weather'), host: host.capabilities.get('weather'), kept: kept.get('weather') }) })],
  start(given) { starts++; host = given; kept = given.capabilities; return {}; },
});
`;

for (const isolation of ['inline', 'worker'] as const) {
  test(`VLT-57 a changed secret is the plugin's own as well as its calls', without restart (${isolation})`, async (t) => {
    const node = await labNode(t, 'node');
    await node.secret('weather', 'rain');
    await writeFile(join(node.folder, 'keeper.ts'), keeper);
    const entry = { use: './keeper.ts', isolation, grant: { secrets: ['weather'] } };
    await node.start({ more: { plugins: { call: true, keeper: entry } } });
    await node.running.pluginsSettled();
    const values = () => node.call('keeper/values');
    assert.deepEqual(await values(), { starts: 1, call: 'rain', host: 'rain', kept: 'rain' });
    await node.secret('weather', 'sun');
    await until('the new value', async () => ((await values()) as { host: string }).host === 'sun', 2000);
    assert.deepEqual(await values(), { starts: 1, call: 'sun', host: 'sun', kept: 'rain' });
  });
}

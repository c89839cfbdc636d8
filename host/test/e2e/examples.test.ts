import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'jsonc-parser';
import { eventually, made, up } from './support.ts';

const folder = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** The entry that the README of an example tells its reader to write, with the path of this checkout. */
async function entryOf(name: string): Promise<string> {
  const readme = await readFile(`${folder}${name}/README.md`, 'utf8');
  const [, block = ''] = /^```jsonc\n([^`]*)^```$/m.exec(readme) ?? [];
  const { plugins } = parse(block) as { plugins: Record<string, { use: string }> };
  const entry = plugins[name];
  assert.equal(entry?.use, `./examples/${name}`, 'the README names the folder as seen from the root');
  return `${JSON.stringify(name)}: ${JSON.stringify({ ...entry, use: `${folder}${name}` })}`;
}

test('the examples serve in a node with the entries of their READMEs', async (t) => {
  const here = await made(t);
  await here.ok(['secret', 'set', 'acme-invoice-key'], 'a key for tests');
  await here.ok(['peer', 'set', 'operator', '--scope', 'acme-invoice:issue']);
  const entries = await Promise.all(['acme-chat', 'acme-invoice', 'acme-feed'].map(entryOf));
  const config = await here.read('alknet.config.json');
  await here.write(
    'alknet.config.json',
    config.replace('"call": true', ['"call": true', ...entries].join(',\n')),
  );
  const node = await up(here);
  await eventually('the examples serve', async () => {
    const plugins = JSON.parse(await here.ok(['plugin', 'list', '--json'])) as {
      name: string;
      state: string;
    }[];
    return ['acme-chat', 'acme-invoice', 'acme-feed'].every((name) =>
      plugins.some((plugin) => plugin.name === name && plugin.state === 'running'),
    );
  });

  const issued = JSON.parse(
    await here.ok(['call', 'acme-invoice/issue', 'customer=Grace', 'cents:=1250', '--json']),
  ) as { invoice: Record<string, unknown>; seal: string };
  assert.deepEqual([issued.invoice['number'], issued.invoice['issuedBy']], [1, 'operator']);
  assert.match(issued.seal, /^[0-9a-f]{64}$/);
  assert.equal((await here.run(['call', 'acme-invoice/seal'])).code, 7);

  assert.equal(await here.ok(['acme-feed', 'post', 'Hello, world']), '1  operator: Hello, world\n');
  assert.equal(await here.ok(['acme-feed', 'tail', '--lines', '3']), '1  operator: Hello, world\n');

  // A room with one guest: what he says comes to nobody, and his stream ends with his own end.
  assert.equal(await here.ok(['pipe', 'local', 'acme-chat/room'], 'is anybody here?\n'), '');
  await node.stop();
});

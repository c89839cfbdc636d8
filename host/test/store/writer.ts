/** Child of the crash test: writes for ever, and prints each key whose write has resolved. */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../src/store/index.ts';

const store = await openEmbeddedStore(process.argv[2] ?? '');
const space = store.namespace('crash');
for (let n = 0; ; n++) {
  const keys = [`a/${n}`, `b/${n}`];
  await Promise.all(keys.map((key) => space.put(key, Buffer.from(key))));
  writeSync(1, `${keys.join('\n')}\n`);
}

/** A process that sets secrets: `secret-writer.ts DATA_DIR PREFIX COUNT`, the phrase on standard input. */

import { text } from 'node:stream/consumers';
import { setSecret, Vault } from '../../src/vault/index.ts';

const [dataDir = '', prefix = '', count = '0'] = process.argv.slice(2);
const vault = new Vault();
vault.unlock(await text(process.stdin));
for (let i = 0; i < Number(count); i++) {
  await setSecret(dataDir, vault, `${prefix}.${i}`, `value of ${prefix}.${i}`, () => {});
}

/** A process that rewrites a vault until it is killed: `killed-writer.ts DATA_DIR`, the phrase on standard input. */

import { text } from 'node:stream/consumers';
import { rotateVaultFile, Vault } from '../../src/vault/index.ts';

const [dataDir = ''] = process.argv.slice(2);
const vault = new Vault();
vault.unlock(await text(process.stdin));
process.stdout.write('writing\n');
for (;;) await rotateVaultFile(dataDir, vault, { kind: 'keyfile' });

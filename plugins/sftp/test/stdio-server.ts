/**
 * The server on standard input and output, in the place of OpenSSH's `sftp-server`: what `sftp -D` and the regress scripts
 * of OpenSSH run. Options: `--export NAME:/PATH:MODE`, repeatable. Not part of the product.
 */

import { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import { parseExport } from '../src/rooted/export-entry.ts';
import { ExportSource } from '../src/rooted/export-source.ts';
import { ExportTree } from '../src/rooted/export-tree.ts';
import { Session } from '../src/session/session.ts';

const { values } = parseArgs({
  options: {
    export: { type: 'string', multiple: true, default: [] },
    'allow-owner': { type: 'boolean', default: false },
  },
});
const granted = values.export.map(parseExport);
const source = new ExportSource(
  () => granted,
  (name, error) => console.error(name, error),
);
await source.refresh();
const tree = new ExportTree(source, { allowOwner: values['allow-owner'], followLinks: true });
const stream = Duplex.from({ readable: process.stdin, writable: process.stdout });
stream.on('error', () => {});
const end = await new Session(stream, tree, {
  maxPacket: 262_144,
  maxInFlight: 64,
  maxHandles: 256,
  greetingTimeout: 30_000,
  idleTimeout: 3_600_000,
  onDefect: (error) => console.error(error),
}).run();
process.exitCode = end === 'done' ? 0 : 1;

/**
 * Ports for one of OpenSSH's regress scripts. A script listens on those behind the one that it is given, or on such as
 * stand in it: they must be free of what the system gives to others that ask for any port, and of other scripts.
 */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Hundreds of ports below those that Linux and macOS give to whoever asks for any (32768 and 49152 on). */
const first = 200;
const hundreds = 120;

/** In each script: the line with the ports that stand in it, and the same with ports of a hundred. */
const lines: Readonly<Record<string, readonly (readonly [string, (hundred: number) => string])[]>> = {
  forwarding: [['base=33', (hundred) => `base=${hundred}`]],
  'forward-control': [
    ['LFWD_PORT=3320', (hundred) => `LFWD_PORT=${hundred}90`],
    ['RFWD_PORT=3321', (hundred) => `RFWD_PORT=${hundred}91`],
  ],
  multiplex: [['P=3301', (hundred) => `P=${hundred}90`]],
};

/** Gives the script in `folder` a hundred ports of its own until the test ends. Returns that of its server. */
export async function ownPorts(t: TestContext, folder: string, name: string): Promise<number> {
  const hundred = await takeHundred(t);
  const path = join(folder, `${name}.sh`);
  let text = await readFile(path, 'utf8');
  for (const [line, changed] of lines[name] ?? []) {
    const found = text.split('\n').filter((each) => each.split(/ +#/)[0] === line);
    if (found.length !== 1) throw new Error(`${name}.sh has ${found.length} lines ${line}, not one`);
    text = text.replace(`\n${line}`, `\n${changed(hundred)}`);
  }
  await writeFile(path, text);
  return hundred * 100 + 80;
}

/** Its last port is held as long as the test runs: another process that wants the hundred sees it. */
async function takeHundred(t: TestContext): Promise<number> {
  const start = Math.floor(Math.random() * hundreds);
  for (let i = 0; i < hundreds; i++) {
    const hundred = first + ((start + i) % hundreds);
    const held = await listenOn(hundred * 100 + 99);
    if (held === undefined) continue;
    t.after(() => new Promise((resolve) => held.close(resolve)));
    if (await allFree(hundred * 100, 99)) return hundred;
  }
  throw new Error(
    `needs a hundred free ports in a row between ${first * 100} and ${(first + hundreds) * 100}`,
  );
}

async function allFree(port: number, count: number): Promise<boolean> {
  for (let i = 0; i < count; i++) {
    const server = await listenOn(port + i);
    if (server === undefined) return false;
    await new Promise((resolve) => server.close(resolve));
  }
  return true;
}

/** On all addresses. `undefined`: somebody else has it on one of them. */
async function listenOn(port: number) {
  const server = createServer();
  try {
    server.listen(port);
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}

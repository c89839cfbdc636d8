/** A running `alknet dev`, what it tells, and plugins for it to serve: real files, real saves, a real node. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Session } from '@alknet/sdk/call';
import { connect } from '../../src/client.ts';
import { command, type Place } from './support.ts';

interface Told {
  readonly event: string;
  readonly plugin?: string;
  readonly problems?: readonly {
    readonly message: string;
    readonly file?: string;
    readonly line?: number;
    readonly column?: number;
    readonly frame?: string;
  }[];
  readonly [member: string]: unknown;
}

export interface Dev {
  readonly ready: Told & { readonly dataDir: string; readonly id: string; readonly addresses: string[] };
  readonly pid: number;
  /** Everything told so far. */
  readonly told: readonly Told[];
  /** The next that was not waited for yet. */
  next(event: string, plugin?: string): Promise<Told>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  session(): Promise<Session>;
  call(name: string, input?: unknown): Promise<unknown>;
}

export async function files(here: Place, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    const path = join(here.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Runs in a temporary directory of its own: what stays behind can be seen. */
export async function dev(
  here: Place,
  args: readonly string[],
  cwd = here.folder,
  path = process.env['PATH'],
): Promise<Dev> {
  const temporary = join(here.folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  const child = spawn(process.execPath, [command, 'dev', '--json', ...args], {
    cwd,
    env: { PATH: path, TMPDIR: temporary, HOME: here.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  here.daemons.add(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  });
  const told: Told[] = [];
  const taken = new Set<Told>();
  const waiting = new Set<() => void>();
  let errors = '';
  let rest = '';
  let over = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    told.push(...lines.map((line) => JSON.parse(line) as Told));
    for (const look of waiting) look();
  });
  void closed.then(() => {
    over = true;
    for (const look of waiting) look();
  });
  const next = (event: string, plugin?: string) =>
    new Promise<Told>((resolve, reject) => {
      const look = () => {
        const found = told.find(
          (one) => !taken.has(one) && one.event === event && (plugin === undefined || one.plugin === plugin),
        );
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found === undefined) return reject(new Error(`ended without ${event}: ${errors}`));
        taken.add(found);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const ready = (await next('ready')) as Dev['ready'];
  const session = () =>
    connect(`${ready.addresses[0]?.split(' ')[1]}#${ready.id}`, {
      identity: join(ready.dataDir, 'operator.key'),
    });
  return {
    ready,
    pid: child.pid ?? 0,
    told,
    next,
    async stop(signal = 'SIGINT') {
      child.kill(signal);
      return (await closed)[0];
    },
    session,
    async call(name, input = {}) {
      const own = await session();
      try {
        return await own.call(name, input);
      } finally {
        own.close();
      }
    },
  };
}

const plugin = (members = '') => `import { definePlugin } from '@alknet/sdk';
import { now } from './now.ts';

export default definePlugin({
  name: 'clock',
  version: '1.0.0',
  ${members}
  operations: [now],
});
`;
export const now = (word: string) => `import { defineOperation, Type } from '@alknet/sdk';

export const now = defineOperation({
  name: 'clock/now',
  type: 'query',
  access: { scopes: ['clock:read'] },
  input: Type.Object({}),
  output: Type.Object({ word: Type.String() }),
  handler: () => ({ word: ${word} }),
});
`;

export const inlineDev = ['--isolation', 'inline'];

/** For a plugin in the thread of the node, and for one in a thread of its own. */
export function inBoth(body: (t: TestContext, isolation: 'inline' | 'worker') => Promise<void>) {
  return async (t: TestContext) => {
    for (const isolation of ['inline', 'worker'] as const)
      await t.test(isolation, (inner) => body(inner, isolation));
  };
}

export async function clockPackage(here: Place, directory: string, requests: object = {}): Promise<void> {
  const manifest = { plugin: './src/plugin.ts', name: 'clock', requests };
  const wishes = Object.keys(requests).length === 0 ? '' : `requests: ${JSON.stringify(requests)},`;
  await files(here, {
    [`${directory}/package.json`]: JSON.stringify({
      name: 'acme-clock',
      version: '1.0.0',
      type: 'module',
      alknet: manifest,
    }),
    [`${directory}/src/plugin.ts`]: plugin(wishes),
    [`${directory}/src/now.ts`]: now(`'one'`),
  });
}

interface Shown {
  readonly name: string;
  readonly isolation: string;
  readonly granted: { readonly scopes?: string[]; readonly secrets?: string[] };
  readonly missing: readonly { readonly entry: string }[];
  readonly provenance: { readonly package: string } | null;
}

/** A plugin as the status at the start shows it. */
export const shown = ({ ready }: Dev, plugin: string) =>
  (ready['plugins'] as Shown[]).find(({ name }) => name === plugin);

/** What lies in the directory for temporary files of those that `dev` started. */
export const left = async (here: Place) => await readdir(join(here.folder, 'tmp'));

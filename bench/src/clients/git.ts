/**
 * Stock git as the client, each run a process of its own; for a node with `git-remote-alknet` beside it.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { command } from '../servers/node.ts';
import type { Address, Client, GitStackName, Link } from '../stack.ts';

export function client(stack: GitStackName, address: Address): Client {
  return {
    async connect(): Promise<Link> {
      const home = await mkdtemp(join(tmpdir(), 'alknet-bench-client-'));
      await mkdir(join(home, 'bin'));
      await symlink(join(dirname(command), 'git-remote-alknet.js'), join(home, 'bin', 'git-remote-alknet'));
      const env = {
        PATH: `${join(home, 'bin')}:${process.env['PATH']}`,
        HOME: home,
        ...(address.identity === undefined ? {} : { ALKNET_DATA: dirname(address.identity) }),
      };
      const git = async (...args: string[]) => {
        const child = spawn('git', args, { cwd: home, env, stdio: ['ignore', 'inherit', 'pipe'] });
        let stderr = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr += text;
        });
        const [code] = await once(child, 'close');
        if (code !== 0)
          throw new Error(`git ${args[0]} ended with ${code}: ${stderr.trim().replaceAll('\n', '; ')}`);
      };
      const url = urlOf(stack, address);
      let cloned: Promise<void> | undefined;
      let clones = 0;
      return {
        async clone() {
          const folder = `clone-${clones++}`;
          await git('clone', '--quiet', '--bare', url, folder);
          await rm(join(home, folder), { recursive: true });
        },
        async fetch() {
          cloned ??= git('clone', '--quiet', '--bare', url, 'current');
          await cloned;
          await git('--git-dir=current', 'fetch', '--quiet', url, 'main');
        },
        close: () => rm(home, { recursive: true, force: true }),
      };
    },
  };
}

function urlOf(stack: GitStackName, { host, port, pin }: Address): string {
  if (stack === 'git') return `alknet://${host}:${port}%23${pin}/bench.git`;
  return stack === 'git-daemon' ? `git://${host}:${port}/bench.git` : `http://${host}:${port}/bench.git`;
}

/** `@modelcontextprotocol/server-everything` in a process of its own, over streamable HTTP. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export async function everythingServer(t: TestContext): Promise<{ endpoint: URL; child: ChildProcess }> {
  const script = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  // It does not tell a port that the system chose; one that another has taken meanwhile ends it, and the next is tried.
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const child = spawn(process.execPath, [script, 'streamableHttp'], {
      env: { PATH: process.env['PATH'], PORT: String(port), NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(() => child.kill());
    const started = new Promise<boolean>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('listening on port')) resolve(true);
      });
      child.once('exit', () => resolve(false));
    });
    if (await started) return { endpoint: new URL(`http://127.0.0.1:${port}/mcp`), child };
  }
  throw new Error('server-everything found no free port');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * One repository of some 50 MiB, served by a node, by `git daemon`, or by `git http-backend` behind a server of Node.
 *
 * @module
 */

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNode } from '@alknet/host';
import type { GitStackName, ServeOptions, Server } from '../stack.ts';
import { makeNode } from './node.ts';

const blobs = 800;
/** Bytes of one, which nothing makes smaller. */
const blob = 64 * 1024;

export const repositoryBytes = blobs * blob;

export async function serve(stack: GitStackName, { udpPayload }: ServeOptions): Promise<Server> {
  const root = await mkdtemp(join(tmpdir(), 'alknet-bench-git-'));
  makeRepository(join(root, 'bench.git'));
  const started =
    stack === 'git' ? node(root, udpPayload) : stack === 'git-daemon' ? daemon(root) : backend(root);
  const { address, stop } = await started;
  return {
    address: { ...address, udpPayload },
    stop: async () => {
      await stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function makeRepository(path: string): void {
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', path]);
  const parts: Buffer[] = [
    Buffer.from('commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 3\none\n'),
  ];
  for (let n = 0; n < blobs; n++)
    parts.push(Buffer.from(`M 100644 inline f${n}\ndata ${blob}\n`), randomBytes(blob), Buffer.from('\n'));
  execFileSync('git', ['--git-dir', path, 'fast-import', '--quiet'], { input: Buffer.concat(parts) });
  execFileSync('git', ['--git-dir', path, 'repack', '-a', '-d', '-q']);
}

async function node(root: string, udpPayload: number): Promise<Server> {
  const made = await makeNode();
  await made.configure({
    listen: { quic: { addresses: ['127.0.0.1:0'] }, tls: false },
    plugins: { git: { config: { root, maxProcesses: { total: 128, perIdentity: 128 } } } },
  });
  const running = await startNode({ configPath: made.configPath });
  return {
    address: made.address(running, udpPayload),
    stop: async () => {
      await running.stop();
      await made.remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function daemon(root: string): Promise<Server> {
  const port = await freePort();
  const options = ['--listen=127.0.0.1', '--reuseaddr', '--export-all', '--max-connections=0'];
  const child = spawn('git', ['daemon', ...options, `--port=${port}`, `--base-path=${root}`, root], {
    // It would tell of the connection that only looks whether it listens.
    stdio: 'ignore',
    // It starts the real daemon as a process of its own; the group has both.
    detached: true,
  });
  const ended = once(child, 'exit');
  await untilOpen(port);
  return {
    address: { host: '127.0.0.1', port, udpPayload: 0 },
    stop: async () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      await ended;
    },
  };
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('git daemon does not listen');
}

async function backend(root: string): Promise<Server> {
  const server = createServer((request, response) => cgi(root, request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await mkdir(root, { recursive: true });
  return {
    address: { host: '127.0.0.1', port, udpPayload: 0 },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** RFC 3875, as far as git-http-backend(1) asks for it. */
function cgi(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string) => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  const first = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    child.stdout.off('data', first);
    let status = 200;
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const [name = '', value = ''] = line.split(': ', 2);
      if (name === 'Status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', first);
}

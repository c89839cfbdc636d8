/**
 * Nodes in a row, each in a process of its own: the first is called, the last answers, those between import and export.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startNode } from '@alknet/host';
import type { ServeOptions, Server } from '../stack.ts';
import { command, echoPlugin, makeNode, type NodeFolder } from './node.ts';

export async function chain(hops: number, { udpPayload }: ServeOptions): Promise<Server> {
  const folders = await Promise.all(Array.from({ length: hops + 1 }, makeNode));
  const [front, ...rest] = folders;
  if (front === undefined) throw new Error('a chain has a node');
  for (const [index, folder] of rest.entries()) folder.admit('caller', (folders[index] as NodeFolder).id);
  const quic = { addresses: ['127.0.0.1:0'], udpPayload, loopbackUdpPayload: udpPayload };
  const listen = { quic, tls: false };
  const last = folders.at(-1);
  const behind: ChildProcess[] = [];
  let next: { readonly id: string; readonly port: number } | undefined;
  for (const folder of [...rest].reverse()) {
    await folder.configure({ listen, ...(folder === last ? answering : forwarding(next)) });
    const started = await up(folder);
    behind.push(started.child);
    next = { id: folder.id, port: started.port };
  }
  await front.configure({ listen, ...forwarding(next) });
  const node = await startNode({ configPath: front.configPath });
  while (node.status().peers[0]?.state !== 'online' || node.status().peers[0]?.operations === 0)
    await delay(20);
  return {
    address: front.address(node, udpPayload),
    stop: async () => {
      await node.stop();
      for (const child of behind) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await Promise.all(folders.map((folder) => folder.remove()));
    },
  };
}

const answering = { plugins: { call: true, bench: echoPlugin() } };

function forwarding(next: { readonly id: string; readonly port: number } | undefined) {
  return {
    plugins: { call: true },
    peers: {
      next: {
        addresses: [`127.0.0.1:${next?.port}`],
        fingerprints: [next?.id],
        transport: 'quic',
        import: { include: ['bench/*'] },
      },
    },
    export: [{ operations: 'next/bench/*', as: 'bench/', access: { scopes: ['admin'] } }],
  };
}

async function up(folder: NodeFolder): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [command, 'up', '--json', '--config', folder.configPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { addresses } = JSON.parse(line.toString()) as { addresses: { port: number }[] };
  return { child, port: addresses[0]?.port ?? 0 };
}

/**
 * Two network namespaces joined by a wire that this process carries, packet by packet: the kernel's own IP, UDP and TCP
 * on a path as bad as a test wants it, without `sch_netem`, which many kernels lack. TCP
 * uses CUBIC, as our QUIC does.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Impairment, Path } from './impairment.ts';

const tun = fileURLToPath(new URL('tun.pl', import.meta.url));
const device = 'wire0';

/** Why no wire can be made here, in one line; `false`: it can. */
export const noWire: string | false = (() => {
  try {
    if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    execFileSync('perl', ['-e', '1'], { stdio: 'ignore' });
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return 'needs ip (Debian package iproute2), perl and /dev/net/tun';
  }
})();

export interface End {
  readonly namespace: string;
  readonly address: string;
  /** Runs a program there. */
  spawn(program: string, args: readonly string[]): ChildProcess;
}

export interface Wire {
  readonly a: End;
  readonly b: End;
  /** From a to b, and from b to a. */
  readonly ab: Path;
  readonly ba: Path;
  /** UDP payloads seen, in the order in which they were sent. Fragments but the first count as none. */
  readonly payloads: { readonly from: 'a' | 'b'; readonly bytes: number; readonly long: boolean }[];
  /** Packets that were fragments. */
  fragments(): number;
}

export interface WireOptions extends Impairment {
  readonly mtu?: number;
  readonly seed?: number;
}

let made = 0;

export async function wire(
  t: TestContext,
  { mtu = 1500, seed = 1, ...impairment }: WireOptions = {},
): Promise<Wire> {
  const unique = `alknet-${process.pid}-${++made}`;
  const children: ChildProcess[] = [];
  const namespaces: string[] = [];
  t.after(async () => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }),
    );
    for (const namespace of namespaces) execFileSync('ip', ['netns', 'delete', namespace]);
  });

  const end = async (letter: 'a' | 'b', address: string, peer: string) => {
    const namespace = `${unique}-${letter}`;
    execFileSync('ip', ['netns', 'add', namespace]);
    namespaces.push(namespace);
    const inside = (program: string, args: readonly string[]) => {
      const child = spawn('ip', ['netns', 'exec', namespace, program, ...args], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      children.push(child);
      return child;
    };
    const child = spawn('ip', ['netns', 'exec', namespace, 'perl', tun, device], { stdio: 'pipe' });
    children.push(child);
    child.stdin.on('error', () => {});
    const [line] = await once(child.stderr, 'data');
    if (String(line) !== 'up\n') throw new Error(String(line));
    const ip = (...args: string[]) => execFileSync('ip', ['-n', namespace, ...args]);
    ip('link', 'set', 'lo', 'up');
    ip('address', 'add', address, 'peer', peer, 'dev', device);
    ip('link', 'set', device, 'mtu', String(mtu), 'txqueuelen', '5000', 'up');
    // By the route: the default of the machine may be another, and is not for a namespace to change.
    ip('route', 'replace', `${peer}/32`, 'dev', device, 'src', address, 'congctl', 'cubic');
    return { child, end: { namespace, address, spawn: inside } };
  };
  const [a, b] = [await end('a', '10.99.0.1', '10.99.0.2'), await end('b', '10.99.0.2', '10.99.0.1')];
  const [ab, ba] = [new Path(impairment, seed), new Path(impairment, seed + 1)];
  const payloads: { from: 'a' | 'b'; bytes: number; long: boolean }[] = [];
  let fragments = 0;
  const join = (from: 'a' | 'b', source: typeof a, path: Path, target: typeof a) => {
    let buffered: Buffer = Buffer.alloc(0);
    source.child.stdout.on('data', (chunk: Buffer) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const framed = buffered.subarray(0, 2 + buffered.readUInt16BE(0));
        buffered = buffered.subarray(framed.length);
        const packet = framed.subarray(2);
        if ((packet.readUInt8(0) ?? 0) >> 4 !== 4) continue;
        if ((packet.readUInt16BE(6) & 0x3fff) !== 0) fragments++;
        // UDP, and its first or only piece: RFC 791, RFC 768.
        if (packet[9] === 17 && (packet.readUInt16BE(6) & 0x1fff) === 0) {
          const bytes = packet.readUInt16BE(24) - 8;
          payloads.push({ from, bytes, long: ((packet[28] ?? 0) & 0x80) !== 0 });
        }
        path.carry(packet.length, () => target.child.stdin.write(framed));
      }
    });
  };
  join('a', a, ab, b);
  join('b', b, ba, a);
  return { a: a.end, b: b.end, ab, ba, payloads, fragments: () => fragments };
}

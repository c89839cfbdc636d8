/** Two machines, as network namespaces with one wire between them. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';

/** Why there can be none here, in one line; `false`: there can. */
export const noMachines: string | false = (() => {
  if (process.platform !== 'linux') return 'needs Linux, for network namespaces';
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'needs ip: apt-get install iproute2';
  }
})();

export interface Machine {
  /** TEST-NET-1, RFC 5737. */
  readonly address: string;
  /** Words that run what stands behind them on it. */
  readonly inside: readonly string[];
  /** UDP datagrams that it has sent. */
  datagrams(): number;
  /** `address:port` of the far end of each TCP connection over the wire that it has had lately. */
  tcpTo(): string[];
}

let made = 0;

/** `hosts` are the lines of the server's /etc/hosts; the client asks a name server at the server's address. */
export function machines(t: TestContext, hosts: string): { client: Machine; server: Machine } {
  const tag = `alk${process.pid}x${++made}`;
  const names = { client: `${tag}c`, server: `${tag}s` };
  const addresses = { client: '192.0.2.2', server: '192.0.2.1' };
  t.after(() => {
    for (const name of Object.values(names)) {
      execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    }
  });
  for (const name of Object.values(names)) {
    execFileSync('ip', ['netns', 'add', name]);
    // `ip netns exec` puts these in the place of those of the machine.
    mkdirSync(`/etc/netns/${name}`, { recursive: true });
    writeFileSync(
      `/etc/netns/${name}/resolv.conf`,
      `nameserver ${addresses.server}\noptions timeout:1 attempts:1\n`,
    );
    writeFileSync(`/etc/netns/${name}/hosts`, `127.0.0.1 localhost\n${name === names.server ? hosts : ''}\n`);
  }
  execFileSync('ip', [
    '-n',
    names.client,
    'link',
    'add',
    'wire',
    'type',
    'veth',
    'peer',
    'name',
    'wire',
    'netns',
    names.server,
  ]);
  const machine = (which: 'client' | 'server'): Machine => {
    const name = names[which];
    const inside = ['ip', 'netns', 'exec', name];
    const read = (path: string) =>
      execFileSync('ip', ['netns', 'exec', name, 'cat', path], { encoding: 'utf8' });
    execFileSync('ip', ['-n', name, 'address', 'add', `${addresses[which]}/24`, 'dev', 'wire']);
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    execFileSync('ip', ['-n', name, 'link', 'set', 'wire', 'up']);
    return {
      address: addresses[which],
      inside,
      datagrams: () => {
        const [head = '', values = ''] = read('/proc/net/snmp')
          .split('\n')
          .filter((line) => line.startsWith('Udp: '));
        const v4 = Number(values.split(' ')[head.split(' ').indexOf('OutDatagrams')]);
        const v6 = Number(/^Udp6OutDatagrams\s+(\d+)$/m.exec(read('/proc/net/snmp6'))?.[1] ?? 0);
        return v4 + v6;
      },
      tcpTo: () =>
        read('/proc/net/tcp')
          .split('\n')
          .slice(1, -1)
          .map((line) => line.trim().split(/\s+/)[2] ?? '')
          .map((text) => {
            const [hex = '', port = ''] = text.split(':');
            const bytes = (hex.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16));
            return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
          })
          .filter((text) => text.startsWith('192.0.2.')),
    };
  };
  return { client: machine('client'), server: machine('server') };
}

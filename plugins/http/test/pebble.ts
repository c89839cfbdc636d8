/**
 * A real ACME server: Pebble of Let's Encrypt, which proves names by TLS-ALPN-01 over a gate that a test can hold shut.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, run } from './node.ts';

/** `false`, or why a test that needs it is skipped. */
export const noPebble: string | false =
  spawnSync('pebble', ['-help']).error === undefined ? false : 'needs pebble: apt-get install pebble';

export interface Pebble {
  readonly directory: string;
  /** Path of the authority of the directory's own certificate, for `tls.ca`. */
  readonly ca: string;
  /** PEM of the root under which certificates are issued. */
  readonly root: string;
  /** What it has logged. */
  log(): string;
  /** Where names are looked for from now on. */
  lead(port: number): void;
  /** Validations wait from now on, until the returned function lets them through. */
  hold(): { readonly arrived: Promise<void>; release(): void };
  stop(): Promise<void>;
}

export async function startPebble(): Promise<Pebble> {
  // Somebody else may take a free port before Pebble does.
  for (let tries = 3; ; tries--) {
    try {
      return await tryPebble();
    } catch (error) {
      if (tries === 1) throw error;
    }
  }
}

async function tryPebble(): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-pebble-'));
  const ca = join(folder, 'own.pem');
  const key = join(folder, 'own.key');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=pebble', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', ca],
  ]);

  let lead = (_port: number) => {};
  let port = new Promise<number>((resolve) => {
    lead = resolve;
  });
  let gate: Promise<void> = Promise.resolve();
  let arrive = () => {};
  const sockets = new Set<Socket>();
  const forwarder = createServer(async (from) => {
    sockets.add(from);
    from.on('error', () => {});
    arrive();
    await gate;
    const to = connect(await port, '127.0.0.1');
    sockets.add(to);
    to.on('error', () => from.destroy());
    from.pipe(to).pipe(from);
  });
  const tlsPort = await portOf(forwarder);
  const [listen, management, dns, dnsManagement] = await freePorts(4);
  await writeFile(
    join(folder, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${listen}`,
        managementListenAddress: `127.0.0.1:${management}`,
        ...{ certificate: ca, privateKey: key, httpPort: 5002, tlsPort },
        ...{ ocspResponderURL: '', externalAccountBindingRequired: false },
      },
    }),
  );
  const children = [
    spawn(
      'pebble-challtestsrv',
      [
        ...['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`],
        ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''],
      ],
      { stdio: 'ignore' },
    ),
    spawn('pebble', ['-strict', '-config', join(folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0' },
    }),
  ] as const;
  let logged = '';
  for (const stream of [children[1].stdout, children[1].stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      logged += text;
    });
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    forwarder.close();
    await Promise.all(children.map(ended));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const ready = () => {
      if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('it has ended');
      return /ACME directory available/.test(logged);
    };
    await eventually('pebble', ready, 30_000);
    const trusted = await readFile(ca, 'utf8');
    let root = '';
    await eventually('the root of pebble', async () => {
      root = await get(`https://127.0.0.1:${management}/roots/0`, trusted).catch(() => '');
      return root !== '';
    });
    return {
      directory: `https://127.0.0.1:${listen}/dir`,
      ca,
      root,
      log: () => logged,
      lead: (next) => {
        lead(next);
        port = Promise.resolve(next);
      },
      hold() {
        let release = () => {};
        gate = new Promise((resolve) => {
          release = resolve;
        });
        const arrived = new Promise<void>((resolve) => {
          arrive = resolve;
        });
        return { arrived, release };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`pebble did not start: ${logged}`, { cause: error });
  }
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Neither program takes port 0 and tells what it got. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(portOf));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill();
  await over;
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/**
 * What `alknet socks` and `alknet forward` have in common: one SSH connection to a peer that is made again when it is
 * lost, and what is said of it. Nothing that is said names a target. `docs/spec/ssh.md` 8.2, `docs/spec/cli.md` 10.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { CallError, type CommandContext, type CommandOption, firstStream } from '@alknet/sdk';
import type { Client } from 'ssh2';
import { carriedBy } from '../client/channels.ts';
import type { End, ForwardSpec, TcpEnd } from '../client/forward-spec.ts';
import { HostKeyMismatchError, SshLink } from '../client/link.ts';
import { isLoopbackBind, type Listener } from '../client/listen.ts';
import { forwardLocal } from '../client/local-forward.ts';
import { RemoteForwards } from '../client/remote-forward.ts';
import { forwardDynamic } from '../client/socks-listener.ts';
import type { Checked } from '../client/socks5.ts';
import { clientAlgorithms } from '../transport/algorithms.ts';
import { dialOptions } from './dial-options.ts';
import { loginKey } from './login-key.ts';
import { pinHostKey } from './pinned-host-key.ts';
import { TunnelError, tunnelErrorOf, wrongInput } from './tunnel-error.ts';

/** Of both commands. */
export const tunnelOptions: readonly CommandOption[] = [
  {
    name: 'socks-auth',
    value: 'FILE',
    help: 'SOCKS asks for a user of FILE: lines user:password, mode 0600',
  },
  { name: 'identity', value: 'KEYFILE', help: 'private key to log in with instead of the operator key' },
  ...dialOptions,
];

export interface Tunnel {
  readonly local: readonly ForwardSpec[];
  readonly remote: readonly ForwardSpec[];
  readonly dynamic: readonly TcpEnd[];
  readonly users: Checked | undefined;
  /** End at the first loss. */
  readonly once: boolean;
}

/** The user name is only logged: the key says who it is. `docs/spec/ssh.md` 3. */
const user = 'alknet';

/** Milliseconds between two looks at the number of connections. */
const countMs = 1000;

/** Runs until a signal. @throws CallError, DialError, TunnelError */
export async function runTunnel(context: CommandContext, tunnel: Tunnel): Promise<void> {
  const { arguments: words, operator, signal } = context;
  const [peer = ''] = words;
  if (operator === undefined)
    throw new CallError('INTERNAL', 'this command runs as one of the built-in plugin ssh');
  for (const bind of tunnel.dynamic)
    if (tunnel.users === undefined && !isLoopbackBind(bind))
      throw wrongInput(
        'a SOCKS listener that other machines reach needs users: give --socks-auth FILE with lines user:password, or listen on 127.0.0.1',
      );
  const privateKey = await loginKey(context);
  const { key: hostKey } = await pinHostKey(await context.dial(peer, 'alknet/call'), operator.dataDir);
  const link = new SshLink({
    dial: () => dialSsh(context, peer),
    hostKey,
    user,
    privateKey,
    algorithms: clientAlgorithms,
  });
  const listeners: Named[] = [];
  const abort = () => link.close();
  signal.addEventListener('abort', abort, { once: true });
  const counting = context.has('verbose') ? countConnections(context, link) : undefined;
  try {
    await listenAll(link, tunnel, listeners);
    await run(context, link, tunnel, listeners);
  } finally {
    clearInterval(counting);
    signal.removeEventListener('abort', abort);
    link.close();
    await Promise.all(listeners.map(({ listener }) => listener.close()));
  }
}

type Kind = 'local' | 'remote' | 'dynamic';

interface Named {
  readonly kind: Kind;
  /** Which of its kind, from 1, in the order of the command line. */
  readonly number: number;
  readonly listener: Listener;
}

async function listenAll(
  link: SshLink,
  { local, dynamic, users }: Tunnel,
  listeners: Named[],
): Promise<void> {
  const add = async (kind: Kind, number: number, listening: Promise<Listener>) => {
    const listener = await listening.catch((error: NodeJS.ErrnoException) => {
      // The text of the system names the address.
      throw new CallError('LISTEN_FAILED', `${kind} ${number}: cannot listen: ${error.code ?? error.name}`);
    });
    listeners.push({ kind, number, listener });
  };
  for (const [index, spec] of local.entries()) await add('local', index + 1, forwardLocal(link, spec));
  for (const [index, bind] of dynamic.entries())
    await add('dynamic', index + 1, forwardDynamic(link, bind, users));
}

async function run(
  context: CommandContext,
  link: SshLink,
  { remote, once }: Tunnel,
  listeners: readonly Named[],
): Promise<void> {
  const forwards = new RemoteForwards(remote);
  /** What was said of each remote forward, so that it is said again only when it has changed. */
  const said = new Map<ForwardSpec, string>();
  let failed: Error | undefined;
  let sessions = 0;
  const ready = async (client: Client) => {
    const first = sessions++ === 0;
    if (first)
      for (const { kind, number, listener } of listeners)
        for (const bound of listener.bound) sayListening(context, kind, number, bound);
    let lost = false;
    client.once('close', () => {
      lost = true;
    });
    const results = await forwards.register(client);
    // What came to nothing by the loss was not refused; the next session asks again.
    if (lost) return;
    for (const [index, result] of results.entries()) {
      const text = 'bound' in result ? textOf(result.bound) : 'refused';
      if (said.get(result.spec) === text) continue;
      said.set(result.spec, text);
      if ('bound' in result) sayListening(context, 'remote', index + 1, result.bound);
      else
        say(
          context,
          { event: 'refused', kind: 'remote', number: index + 1 },
          `remote ${index + 1}: the node refused it`,
        );
    }
    // When the node listens again too: what is told of is there.
    if (!first) say(context, { event: 'connected' }, 'connected again');
    if (first && listeners.length === 0 && results.every((result) => 'refused' in result)) {
      failed = new CallError('FORBIDDEN', 'the node refused every forward');
      link.close();
    }
  };
  link.on('up', (client) => void ready(client));
  link.on('down', (reason, wait) =>
    say(
      context,
      { event: 'lost', reason, retryIn: wait / 1000 },
      `connection lost: ${reason}; next attempt in ${wait / 1000} s`,
    ),
  );
  await link.run({ once }).catch((error: unknown) => {
    throw tunnelErrorOf(error);
  });
  if (failed !== undefined) throw failed;
  if (!context.signal.aborted) throw new TunnelError('Connect', 'the connection was lost');
}

/** A fresh stream, which takes its connection with it. */
async function dialSsh(context: CommandContext, peer: string): Promise<Duplex> {
  const connection = await context.dial(peer, 'alknet/ssh').catch((error: Error & { code?: unknown }) => {
    // Another node in its place is as final as another SSH host key.
    throw error.name === 'DialError' && error.code === 'PeerMismatch'
      ? new HostKeyMismatchError(error.message, { cause: error })
      : error;
  });
  const stream = await firstStream(connection);
  stream.once('close', () => connection.close(0, ''));
  return stream;
}

function sayListening(context: CommandContext, kind: Kind, number: number, bound: End): void {
  const place = bound.kind === 'unix' ? { path: bound.path } : { host: bound.host, port: bound.port };
  context.item({ event: 'listening', kind, number, ...place }, `${kind} ${number}: ${textOf(bound)}`);
}

function textOf(end: End): string {
  if (end.kind === 'unix') return `unix:${end.path}`;
  const { host = 'localhost', port } = end;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** To standard error for people, or one line of JSON. */
function say(context: CommandContext, value: object, text: string): void {
  if (context.json) context.item(value, text);
  else context.note(text);
}

/** With `-v`: how many there are, whenever that has changed. */
function countConnections(context: CommandContext, link: SshLink): NodeJS.Timeout {
  let client: Client | undefined;
  let last = 0;
  link.on('up', (next) => {
    client = next;
  });
  return setInterval(() => {
    const open = client === undefined ? 0 : carriedBy(client);
    if (open === last) return;
    last = open;
    say(context, { event: 'connections', open }, `${open} ${open === 1 ? 'connection' : 'connections'}`);
  }, countMs);
}

/**
 * Which channels open: sessions within the limit, forwards as far as forwarding lets them, nothing else.
 * `docs/spec/ssh.md` 4.
 *
 * @module
 */

import { type ForwardClient, Refused, type Target } from './forwarding.ts';
import { join } from './join.ts';
import { hasScope, type Login } from './login/login.ts';
import { OpenFailure } from './open-failure.ts';
import type { Source, SshServer } from './server.ts';
import type { Channel } from './session/channel.ts';
import type { Channels } from './session/channels.ts';
import { isSocketPath, isTcpTarget } from './session/request-data.ts';
import type { ChannelOpen } from './transport/protocol.ts';

export interface Opening {
  readonly server: SshServer;
  readonly source: Source;
  readonly login: Login;
  readonly channels: Channels;
  readonly client: ForwardClient | undefined;
  readonly noMoreSessions: boolean;
  /** Takes a session channel that has opened. */
  session(channel: Channel): void;
}

export function openChannel(open: ChannelOpen, opening: Opening): void {
  const { channels, noMoreSessions, session } = opening;
  if (open.type === 'session') {
    if (noMoreSessions) channels.refuse(open, OpenFailure.PROHIBITED);
    else if (channels.full) channels.refuse(open, OpenFailure.RESOURCE_SHORTAGE);
    else session(channels.confirm(open));
    return;
  }
  const target = targetOf(open);
  if (target === undefined) channels.refuse(open, OpenFailure.UNKNOWN_TYPE);
  else void channels.pending(() => forward(open, target, opening));
}

function targetOf({ type, data }: ChannelOpen): Target | undefined {
  if (type === 'direct-tcpip' && isTcpTarget(data))
    return { kind: 'tcp', host: data.destIP, port: data.destPort };
  if (type === 'direct-streamlocal@openssh.com' && isSocketPath(data))
    return { kind: 'unix', path: data.socketPath };
  return undefined;
}

async function forward(open: ChannelOpen, target: Target, opening: Opening): Promise<void> {
  const { server, source, login, channels, client } = opening;
  try {
    // The one that is pending counts itself.
    if (channels.size > server.config.maxChannels) throw new Refused(OpenFailure.RESOURCE_SHORTAGE);
    if (client === undefined || !mayForward(login, 'ssh:forward:local')) throw new Refused(1);
    const far = await server.forwarding.connect(target, client);
    if (client.signal.aborted) far.destroy();
    else void join(channels.confirm(open), far);
  } catch (error) {
    const code = error instanceof Refused ? error.code : OpenFailure.CONNECT_FAILED;
    if (code === OpenFailure.PROHIBITED) server.lines.denied(source.remote, login.peer, 'connect');
    channels.refuse(open, code);
  }
}

/** Scope, then what the key leaves. */
export function mayForward(login: Login, scope: 'ssh:forward:local' | 'ssh:forward:remote'): boolean {
  return hasScope(login, scope) && login.restrictions.forwarding;
}

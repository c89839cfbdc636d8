/**
 * Requests that concern the whole connection: remote listeners, and nothing else. Answers go out in the order of the
 * requests, RFC 4254 4. `docs/spec/ssh.md` 4.
 *
 * @module
 */

import { mayForward } from './channel-policy.ts';
import { type Arrival, type ForwardClient, Refused, type Target } from './forwarding.ts';
import type { SshServer } from './server.ts';
import { packetSize, windowSize } from './session/channel.ts';
import { isBind, isSocketPath } from './session/request-data.ts';
import type { SshStream } from './transport/stream.ts';

/** Requests under way; a client waits for the answers long before. */
const maxPending = 128;

export class GlobalRequests {
  readonly #stream: SshStream;
  readonly #server: SshServer;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(stream: SshStream, server: SshServer) {
    this.#stream = stream;
    this.#server = server;
  }

  /** `false`: the client sends more than it waits for. */
  request(name: string, wantReply: boolean, data: unknown, client: ForwardClient | undefined): boolean {
    if (this.#pending >= maxPending) return false;
    this.#pending++;
    const answer = this.#answerTo(name, data, client).catch((): false => false);
    this.#last = Promise.all([this.#last, answer]).then(([, reply]) => {
      this.#pending--;
      if (!wantReply) return;
      this.#stream.send((protocol) =>
        reply === false ? protocol.requestFailure() : protocol.requestSuccess(reply),
      );
    });
    return true;
  }

  /** Asks the client to take a connection that a listener of its has accepted. */
  askForwarded(id: number, arrival: Arrival): void {
    this.#stream.send((protocol) => {
      if (arrival.kind === 'unix')
        protocol.openssh_forwardedStreamLocal(id, windowSize, packetSize, { socketPath: arrival.path });
      else
        protocol.forwardedTcpip(id, windowSize, packetSize, {
          boundAddr: arrival.bound.address,
          boundPort: arrival.bound.port,
          remoteAddr: arrival.originator.address,
          remotePort: arrival.originator.port,
        });
    });
  }

  /** `false` is a failure, a buffer a success that carries data. */
  async #answerTo(
    name: string,
    data: unknown,
    client: ForwardClient | undefined,
  ): Promise<false | Buffer | undefined> {
    const { forwarding } = this.#server;
    if (name === 'no-more-sessions@openssh.com') return undefined;
    const target = targetOf(name, data);
    if (target === undefined || client === undefined) return false;
    if (name.startsWith('cancel-')) return (await forwarding.cancel(target, client)) ? undefined : false;
    return await this.#listen(target, client);
  }

  async #listen(target: Target, client: ForwardClient): Promise<false | Buffer | undefined> {
    const { forwarding, config, lines } = this.#server;
    try {
      if (!mayForward(client.login, 'ssh:forward:remote')) throw new Refused(1);
      if (forwarding.listeners(client) >= config.maxListeners) throw new Refused(4);
      const port = await forwarding.listen(target, client);
      if (target.kind === 'unix' || target.port !== 0) return undefined;
      const chosen = Buffer.alloc(4);
      chosen.writeUInt32BE(port);
      return chosen;
    } catch (error) {
      if (error instanceof Refused && error.code === 1)
        lines.denied(client.remote, client.login.peer, 'listen');
      return false;
    }
  }
}

function targetOf(name: string, data: unknown): Target | undefined {
  const what = name.replace(/^cancel-/, '');
  if (what === 'tcpip-forward' && isBind(data))
    return { kind: 'tcp', host: data.bindAddr, port: data.bindPort };
  if (what === 'streamlocal-forward@openssh.com' && isSocketPath(data))
    return { kind: 'unix', path: data.socketPath };
  return undefined;
}

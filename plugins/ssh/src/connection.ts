/**
 * One SSH connection: from the first byte of a stream to the end of it. Login, then channels. Identical for every source.
 * `docs/spec/ssh.md` 1, 3.5, 4, 9.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { inMilliseconds } from '@alknet/sdk';
import type { Place } from './admission.ts';
import { openChannel } from './channel-policy.ts';
import type { ForwardClient } from './forwarding.ts';
import { GlobalRequests } from './global-requests.ts';
import type { Login } from './login/login.ts';
import { LoginPhase } from './login/login-phase.ts';
import type { Program } from './program/program.ts';
import type { Source, SshServer } from './server.ts';
import { Channels } from './session/channels.ts';
import { SessionRequests } from './session/session-requests.ts';
import type { MessageHandlers } from './transport/protocol.ts';
import { SshStream } from './transport/stream.ts';

/** RFC 4253 11.1. */
const Disconnect = { PROTOCOL_ERROR: 2, SERVICE_NOT_AVAILABLE: 7, BY_APPLICATION: 11, TOO_MANY: 12 } as const;

export class SshConnection {
  readonly id = randomUUID();
  readonly since = new Date();
  readonly source: Source;
  readonly channels: Channels;
  readonly server: SshServer;
  /** Resolves when all of it is over, programs included, with the reason. */
  readonly closed: Promise<string>;
  readonly #stream: SshStream;
  readonly #place: Place;
  readonly #loginPhase: LoginPhase;
  readonly #globals: GlobalRequests;
  readonly #sessions: SessionRequests;
  readonly #programs = new Set<Program>();
  readonly #over = new AbortController();
  readonly #grace: NodeJS.Timeout;
  readonly #onLogin: (connection: SshConnection) => void;
  #login: Login | undefined;
  #idle: NodeJS.Timeout | undefined;
  #noMoreSessions = false;

  /** `onLogin` is called once, when somebody has logged in. */
  constructor(
    stream: Duplex,
    source: Source,
    server: SshServer,
    place: Place,
    onLogin: (connection: SshConnection) => void,
  ) {
    this.source = source;
    this.server = server;
    this.#place = place;
    this.#onLogin = onLogin;
    const { config } = server;
    server.lines.opened(source.remote, source.via);
    this.#stream = new SshStream(stream, {
      hostKey: server.hostKey,
      ident: config.ident,
      banner: config.banner,
      handlers: this.#handlers(),
      ...(server.rekey === undefined ? {} : { rekey: server.rekey }),
      keepalive: { interval: inMilliseconds(config.keepaliveInterval), misses: config.keepaliveMisses },
      ready: () => this.channels.pump(),
      traffic: () => this.#active(),
    });
    this.channels = new Channels(this.#stream, () => server.config.maxChannels);
    this.#sessions = new SessionRequests(this.channels);
    this.#loginPhase = new LoginPhase(this.#stream, server, source);
    this.#globals = new GlobalRequests(this.#stream, server);
    this.#grace = setTimeout(() => this.end('grace'), inMilliseconds(config.loginGrace));
    this.closed = this.#stream.closed.then((reason) => this.#finish(reason));
  }

  get login(): Login | undefined {
    return this.#login;
  }

  /** Without an open channel, or one that is asked for. */
  get isIdle(): boolean {
    return this.channels.size === 0;
  }

  /** Says goodbye and ends. */
  end(reason: string): void {
    this.#stream.disconnect(Disconnect.BY_APPLICATION, reason);
  }

  /** The plugin stops: nothing is waited for. */
  kill(): void {
    this.end('shutdown');
    for (const { group } of this.#programs) group.kill();
  }

  /** As forwarding sees it. */
  get client(): ForwardClient | undefined {
    const login = this.#login;
    if (login === undefined) return undefined;
    return {
      id: this.id,
      login,
      remote: this.source.remote,
      signal: this.#over.signal,
      openForwarded: (arrival) =>
        this.channels.openTowardsClient((id) => this.#globals.askForwarded(id, arrival)),
    };
  }

  #handlers(): MessageHandlers {
    /** Messages of the connection protocol, which nobody may send before the login. */
    const loggedIn =
      <Rest extends unknown[]>(run: (login: Login, ...rest: Rest) => void) =>
      (_protocol: unknown, ...rest: Rest) => {
        if (this.#stream.over) return;
        if (this.#login === undefined) this.#violated();
        else run(this.#login, ...rest);
      };
    const channel = (id: number) => {
      const found = this.channels.get(id);
      if (found === undefined) this.#violated();
      return found;
    };
    return {
      DISCONNECT: () => this.#stream.end('client'),
      SERVICE_REQUEST: (_protocol, service) => {
        if (service === 'ssh-userauth') this.#stream.send((protocol) => protocol.serviceAccept(service));
        else this.#stream.disconnect(Disconnect.SERVICE_NOT_AVAILABLE, 'protocol');
      },
      USERAUTH_REQUEST: (_protocol, user, service, method, data) => {
        if (this.#stream.over) return;
        if (this.#login !== undefined || user === undefined || method === undefined) this.#violated();
        else if (service !== 'ssh-connection')
          this.#stream.disconnect(Disconnect.SERVICE_NOT_AVAILABLE, 'protocol');
        else {
          const login = this.#loginPhase.attempt(user, method, data);
          if (login !== undefined) this.#loggedIn(login);
        }
      },
      GLOBAL_REQUEST: loggedIn((_login, name, wantReply, data) => {
        if (name === undefined) return this.#violated();
        if (name === 'no-more-sessions@openssh.com') this.#noMoreSessions = true;
        if (!this.#globals.request(name, wantReply, data, this.client)) this.#violated();
      }),
      CHANNEL_OPEN: loggedIn((login, { type, sender, window, packetSize, data }) => {
        if (type === undefined || sender === undefined || window === undefined || packetSize === undefined)
          return this.#violated();
        const open = { type, sender, window, packetSize, data };
        this.#active();
        openChannel(open, {
          server: this.server,
          source: this.source,
          login,
          channels: this.channels,
          client: this.client,
          noMoreSessions: this.#noMoreSessions,
          session: (opened) =>
            this.#sessions.begin(opened, {
              server: this.server,
              login,
              source: this.source,
              began: (program) => this.#began(program),
            }),
        });
      }),
      CHANNEL_OPEN_CONFIRMATION: loggedIn((_login, info) => {
        if (!this.channels.answered(info.recipient, info)) this.#violated();
      }),
      CHANNEL_OPEN_FAILURE: loggedIn((_login, recipient) => {
        if (!this.channels.answered(recipient, undefined)) this.#violated();
      }),
      CHANNEL_WINDOW_ADJUST: loggedIn((_login, recipient, bytes) => {
        this.#active();
        if (channel(recipient)?.opened(bytes) === false) this.#violated();
      }),
      CHANNEL_DATA: loggedIn((_login, recipient, data) => {
        this.#active();
        if (channel(recipient)?.receive(data) === false) this.#violated();
      }),
      CHANNEL_EXTENDED_DATA: loggedIn((_login, recipient, data) => {
        if (channel(recipient)?.receiveExtended(data.length) === false) this.#violated();
      }),
      CHANNEL_EOF: loggedIn((_login, recipient) => channel(recipient)?.remoteEof()),
      CHANNEL_CLOSE: loggedIn((_login, recipient) => channel(recipient)?.remoteClose()),
      CHANNEL_REQUEST: loggedIn((_login, recipient, type, wantReply, data) => {
        if (type === undefined) return this.#violated();
        const found = channel(recipient);
        if (found !== undefined && !this.#sessions.request(found, type, wantReply, data)) this.#violated();
      }),
    };
  }

  #violated(): void {
    this.#stream.disconnect(Disconnect.PROTOCOL_ERROR, 'protocol');
  }

  #loggedIn(login: Login): void {
    clearTimeout(this.#grace);
    if (!this.#place.loggedIn(login.peer)) {
      this.server.lines.refused(this.source.remote, 'limit');
      this.#stream.disconnect(Disconnect.TOO_MANY, 'limit');
      return;
    }
    this.#login = login;
    this.#stream.send((protocol) => protocol.authSuccess());
    this.#stream.keepAlive();
    this.#active();
    this.#onLogin(this);
  }

  /** Traffic on a channel, or one that opens: the idle time begins again. */
  #active(): void {
    const timeout = inMilliseconds(this.server.config.idleTimeout);
    if (this.#idle === undefined) {
      if (timeout > 0) this.#idle = setTimeout(() => this.end('idle'), timeout).unref();
    } else this.#idle.refresh();
  }

  #began(program: Program): void {
    this.#programs.add(program);
    void program.done.then(() => this.#programs.delete(program));
  }

  async #finish(reason: string): Promise<string> {
    clearTimeout(this.#grace);
    clearTimeout(this.#idle);
    const { client } = this;
    this.#over.abort();
    if (client !== undefined) this.server.forwarding.closed(client);
    this.channels.lost();
    this.#place.free();
    const tried = this.#login !== undefined || this.#loginPhase.tried;
    const told = tried || reason === 'grace' || reason === 'shutdown' ? reason : 'preauth';
    const seconds = (Date.now() - this.since.getTime()) / 1000;
    this.server.lines.closed(this.source.remote, this.#login?.peer, seconds, told);
    await Promise.all([...this.#programs].map(({ done }) => done));
    return told;
  }
}

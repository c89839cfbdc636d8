/**
 * One session channel: what it is prepared with, and the one program or hand-over it is for. `docs/spec/ssh.md` 4, 5, 6.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import type { Denied } from '../log-lines.ts';
import type { Login } from '../login/login.ts';
import { accountOf } from '../program/account.ts';
import { ClientEnvironment, environmentOf } from '../program/environment.ts';
import { type Program, type PtyRequest, startProgram } from '../program/program.ts';
import { mayHavePty, type Plan, planOf, type Wanted } from '../program/request.ts';
import type { Source, SshServer } from '../server.ts';
import type { Channel } from './channel.ts';
import { gitPreface } from './git-preface.ts';
import { type Handover, handOver } from './handover.ts';
import { isPty, isSize, isVariable } from './request-data.ts';

export interface SessionOwner {
  readonly server: SshServer;
  readonly login: Login;
  readonly source: Source;
  /** Runs until the promise is settled; what runs is ended with the plugin. */
  began(program: Program): void;
}

export class Session {
  readonly #channel: Channel;
  readonly #owner: SessionOwner;
  readonly #environment = new ClientEnvironment();
  #pty: PtyRequest | undefined;
  #taken = false;
  #program: Program | undefined;

  constructor(channel: Channel, owner: SessionOwner) {
    this.#channel = channel;
    this.#owner = owner;
  }

  /** A channel request. The answer goes out in the order of the requests. */
  async request(type: string, wantReply: boolean, data: unknown): Promise<void> {
    const answer = (success: boolean) => {
      if (wantReply) this.#channel.answer(success);
    };
    switch (type) {
      case 'pty-req':
        return answer(this.#takePty(data));
      case 'env':
        return answer(this.#takeVariable(data));
      case 'window-change':
        if (isSize(data)) this.#resize(data);
        return answer(true);
      case 'signal':
        if (typeof data === 'string') this.#program?.group.signal(data);
        return answer(true);
      case 'shell':
        return this.#begin({ kind: 'shell' }, answer);
      case 'exec':
        return this.#begin({ kind: 'exec', command: String(data) }, answer);
      case 'subsystem':
        return this.#begin({ kind: 'subsystem', name: String(data) }, answer);
      case 'x11-req':
        return this.#deny('x11', answer);
      case 'auth-agent-req@openssh.com':
        return this.#deny('agent', answer);
      default:
        return answer(false);
    }
  }

  #deny(what: Denied, answer: (success: boolean) => void): void {
    const { server, source, login } = this.#owner;
    server.lines.denied(source.remote, login.peer, what);
    answer(false);
  }

  #takePty(data: unknown): boolean {
    const { server, source, login } = this.#owner;
    if (this.#taken || this.#pty !== undefined || !isPty(data)) return false;
    if (!mayHavePty(login)) {
      server.lines.denied(source.remote, login.peer, 'pty');
      return false;
    }
    this.#pty = data;
    return true;
  }

  #takeVariable(data: unknown): boolean {
    const { server, source, login } = this.#owner;
    if (this.#taken || !isVariable(data)) return false;
    const taken = this.#environment.set(data.name, data.value);
    if (!taken) server.lines.denied(source.remote, login.peer, 'env');
    return taken;
  }

  #resize(size: { readonly cols: number; readonly rows: number }): void {
    if (this.#pty !== undefined) this.#pty = { ...this.#pty, ...size };
    this.#program?.resize(size);
  }

  async #begin(wanted: Wanted, answer: (success: boolean) => void): Promise<void> {
    if (this.#taken) return answer(false);
    const { server, login } = this.#owner;
    const plan = planOf(wanted, login, server.config);
    if (plan.run === 'nothing') return this.#deny(plan.denied, answer);
    this.#taken = true;
    try {
      if (plan.run === 'program') await this.#run(plan, wanted, answer);
      else await this.#handOver(plan, answer);
    } catch (error) {
      this.#taken = false;
      // No command, argument or value: the message of a failed start names the program alone.
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      const message = code ?? (error instanceof Error ? error.message : String(error));
      server.log.warn('ssh program not started', { peer: login.peer, message });
      answer(false);
    }
  }

  async #run(
    plan: Extract<Plan, { run: 'program' }>,
    wanted: Wanted,
    answer: (success: boolean) => void,
  ): Promise<void> {
    const { server, source, login } = this.#owner;
    const { config } = server;
    const account = accountOf(config);
    const pty = wanted.kind === 'subsystem' ? undefined : this.#pty;
    const env = environmentOf({
      account,
      path: config.exec.path,
      client: this.#environment,
      peer: login.peer,
      remote: source.remote,
      local: source.local,
      term: pty?.term,
      original: plan.original,
    });
    const cwd = config.cwd ?? (existsSync(account.home) ? account.home : '/');
    const program = await startProgram({ argv: plan.argv, env, cwd, account, pty }, this.#channel);
    this.#program = program;
    this.#owner.began(program);
    void this.#channel.gone.then(() => program.group.hangUp());
    answer(true);
    program.attach();
  }

  async #handOver(
    plan: Extract<Plan, { run: 'sftp' | 'git' }>,
    answer: (success: boolean) => void,
  ): Promise<void> {
    const { server, source, login } = this.#owner;
    const alpn = plan.run === 'sftp' ? 'alknet/sftp' : 'alknet/git';
    const handover: Handover = {
      preface: plan.run === 'sftp' ? undefined : gitPreface(plan, this.#environment.get('GIT_PROTOCOL')),
      failure: plan.run === 'sftp' ? 1 : 128,
      dispatch: (stream) => server.dispatch(alpn, stream, login, source),
    };
    const taken = await handOver(this.#channel, handover, () => answer(true));
    if (taken) return;
    this.#taken = false;
    this.#deny(plan.run, answer);
  }
}

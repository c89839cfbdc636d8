/**
 * `-D` and `alknet socks`: a SOCKS5 listener whose connections go on from the node, with names unresolved.
 * `docs/spec/ssh.md` 8.4.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { OpenFailure } from '../open-failure.ts';
import { carry, OpenRefusedError, openTo } from './channels.ts';
import type { TcpEnd } from './forward-spec.ts';
import type { SshLink } from './link.ts';
import { isLoopbackBind, type Listener, listen } from './listen.ts';
import { sessionWaitMs } from './local-forward.ts';
import { type Checked, Reply, type ReplyCode, reply, Socks5Handshake, type Step } from './socks5.ts';

/** Milliseconds. */
const handshakeMs = 10_000;

/**
 * @param checked compares a user's password; without it nobody is asked, and only this machine may connect
 * @throws Error for an address that others reach and no users, or of the listener
 */
export async function forwardDynamic(link: SshLink, bind: TcpEnd, checked?: Checked): Promise<Listener> {
  if (checked === undefined && !isLoopbackBind(bind))
    throw new Error(
      'a SOCKS listener that other machines reach needs users: give --socks-auth FILE with lines user:password, or listen on 127.0.0.1',
    );
  return listen(bind, (socket) => void serve(link, socket, checked));
}

async function serve(link: SshLink, socket: Socket, checked: Checked | undefined): Promise<void> {
  const request = await handshake(socket, checked);
  if (request === undefined) return;
  const { host, port, early } = request;
  try {
    const client = await link.client(sessionWaitMs);
    const channel = await openTo(client, { kind: 'tcp', host, port });
    socket.write(reply(Reply.SUCCEEDED));
    if (early.length > 0) socket.unshift(early);
    await carry(client, socket, channel);
  } catch (error) {
    socket.end(reply(replyOf(error)));
    socket.destroySoon();
  }
}

type Connect = Extract<Step, { kind: 'connect' }>;

/** What the client asks for; `undefined` when it was closed. */
function handshake(socket: Socket, checked: Checked | undefined): Promise<Connect | undefined> {
  return new Promise((resolve) => {
    const machine = new Socks5Handshake(checked);
    const over = (request?: Connect) => {
      clearTimeout(timer);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      resolve(request);
    };
    const onEnd = () => {
      socket.destroy();
      over();
    };
    const onData = (chunk: Buffer) => {
      const step = machine.push(chunk);
      if (step.answer !== undefined) socket.write(step.answer);
      if (step.kind === 'connect') {
        socket.pause();
        return over(step);
      }
      if (step.kind === 'more') return;
      socket.destroySoon();
      over();
    };
    const timer = setTimeout(onEnd, handshakeMs);
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
  });
}

function replyOf(error: unknown): ReplyCode {
  if (!(error instanceof OpenRefusedError) || error.reason === 0) return Reply.HOST_UNREACHABLE;
  if (error.reason === OpenFailure.PROHIBITED) return Reply.NOT_ALLOWED;
  if (error.reason === OpenFailure.CONNECT_FAILED) return Reply.CONNECTION_REFUSED;
  return Reply.GENERAL_FAILURE;
}

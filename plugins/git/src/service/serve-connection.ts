/**
 * Connections of `alknet/git`: every stream is one service run. `docs/spec/git.md` 2.
 *
 * @module
 */

import type { Connection, Identity, IdentityLookup, Log, Stream } from '@alknet/sdk';
import { errorPacket, packetLength } from '../core/pkt-line.ts';
import { type ParsedRequest, parseRequest, requestLength } from '../core/request-line.ts';
import type { Via } from '../events/event-log.ts';
import { ServiceRefusal } from './refusal.ts';
import type { Run } from './runs.ts';
import type { ServiceDesk } from './service-desk.ts';

/** Milliseconds for the whole request line. */
const requestTime = 10_000;
/** Milliseconds that a client has to end its side, once it has been sent all. */
const leaveTime = 5_000;
/** Milliseconds that a client may take for what is buffered when git has ended. */
const stallTime = 60_000;

export interface ConnectionParts {
  readonly desk: ServiceDesk;
  readonly identity: IdentityLookup;
  readonly log: Log;
}

/** Settles when its last stream is over. */
export async function serveConnection(connection: Connection, parts: ConnectionParts): Promise<void> {
  const runs = new Map<Promise<void>, AbortController>();
  // One listener, however many streams there are.
  const leave = () => {
    for (const gone of runs.values()) gone.abort();
  };
  connection.signal.addEventListener('abort', leave, { once: true });
  try {
    for await (const stream of connection) {
      const gone = new AbortController();
      const run: Promise<void> = serveStream(stream, connection, parts, gone)
        .catch((error: unknown) => {
          parts.log.error('stream failed', { connection: connection.id, error });
          stream.destroy();
        })
        .finally(() => runs.delete(run));
      runs.set(run, gone);
      if (connection.signal.aborted) leave();
    }
    await Promise.all(runs.keys());
  } finally {
    connection.signal.removeEventListener('abort', leave);
  }
}

async function serveStream(
  stream: Stream,
  connection: Connection,
  parts: ConnectionParts,
  gone: AbortController,
): Promise<void> {
  const { signal } = gone;
  stream.once('error', () => gone.abort());
  stream.once('close', () => gone.abort());
  const parsed = await readRequest(stream, signal);
  if (signal.aborted) stream.destroy();
  else if (parsed.kind === 'request') await serve(stream, connection, parsed.request, parts, signal);
  else await answer(stream, parsed.kind === 'malformed' ? 'malformed request' : 'unknown service');
}

async function serve(
  stream: Stream,
  connection: Connection,
  request: (ParsedRequest & { kind: 'request' })['request'],
  { desk, identity, log }: ConnectionParts,
  signal: AbortSignal,
): Promise<void> {
  let run: Run;
  try {
    const caller = currentIdentity(connection, identity);
    run = await desk.open({ ...request, identity: caller, via: viaOf(connection), signal });
  } catch (error) {
    if (!(error instanceof ServiceRefusal)) throw error;
    log.info('service refused', {
      service: request.service,
      reason: error.message,
      peer: connection.auth.identity?.id ?? null,
    });
    await answer(stream, error.message);
    return;
  }
  const last = new LastPacket();
  run.stdout.on('data', (chunk: Buffer) => last.see(chunk));
  stream.pipe(run.stdin);
  run.stdout.pipe(stream, { end: false });
  const { code, stopped } = await run.ended;
  stream.unpipe(run.stdin);
  if (code === 0 || (stopped === undefined && last.isComplete())) await finish(stream);
  else stream.destroy(new Error(stopped ?? `git ended with ${code}`));
}

/** Who the peer is now: entries change while a connection lives. What another plugin vouched for stays as it was. */
function currentIdentity({ auth, transport }: Connection, identities: IdentityLookup): Identity | null {
  const { identity, fingerprint } = auth;
  if (identity === null || fingerprint === null) return identity;
  if (transport !== 'quic' && transport !== 'tls') return identity;
  const current = identities.resolveFingerprint(fingerprint);
  return current?.id === identity.id ? current : null;
}

function viaOf({ transport }: Connection): Via {
  return transport === 'ssh' ? 'ssh' : 'alknet';
}

/** Whether git has said the last word of the protocol: a flush, or why it stops. */
class LastPacket {
  private tail = Buffer.alloc(0);
  private toldError = false;

  see(chunk: Buffer): void {
    // A message of an error fits into one write, and git makes no other at the beginning of a packet.
    const [word = ''] = /^(?:ERR |NACK )/.exec(chunk.subarray(4, 9).toString('latin1')) ?? [];
    // Band 3 of a multiplexed stream tells an error as well.
    const isPacket = packetLength(chunk.subarray(0, 4)) !== undefined;
    if (isPacket && (word !== '' || chunk[4] === 3)) this.toldError = true;
    this.tail = Buffer.concat([this.tail, chunk.subarray(-4)]).subarray(-4);
  }

  isComplete(): boolean {
    return this.toldError || this.tail.toString('latin1') === '0000';
  }
}

async function answer(stream: Stream, text: string): Promise<void> {
  stream.write(errorPacket(text));
  await finish(stream);
}

/**
 * Ends our side, and lets what the client still sends run into nothing for a while. What is buffered here goes first: a
 * slow client gets all of it.
 */
async function finish(stream: Stream): Promise<void> {
  if (stream.destroyed) return;
  const over = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  const giveUp = () => stream.destroy();
  let timer = setTimeout(giveUp, stallTime);
  stream.end(() => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, leaveTime);
  });
  stream.resume();
  await over;
  clearTimeout(timer);
}

async function readRequest(stream: Stream, signal: AbortSignal): Promise<ParsedRequest> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(requestTime)]);
  const malformed: ParsedRequest = { kind: 'malformed' };
  const header = await readExactly(stream, 4, limit);
  const length = header === undefined ? undefined : packetLength(header);
  if (length === undefined || length < requestLength.least || length > requestLength.most) return malformed;
  const payload = await readExactly(stream, length - 4, limit);
  return payload === undefined ? malformed : parseRequest(payload);
}

/** `undefined`: the stream ended before, or the signal aborted. What comes after it stays in the stream. */
async function readExactly(stream: Stream, length: number, signal: AbortSignal): Promise<Buffer | undefined> {
  let read = Buffer.alloc(0);
  while (!signal.aborted) {
    // All that is there: to ask for more than that would be answered by "readable" at once, again and again.
    const chunk: Buffer | null = stream.read();
    if (chunk !== null) read = Buffer.concat([read, chunk]);
    if (read.length > length) stream.unshift(read.subarray(length));
    if (read.length >= length) return read.subarray(0, length);
    if (stream.readableEnded || stream.destroyed) return undefined;
    if (chunk === null) await somethingHappens(stream, signal);
  }
  return undefined;
}

function somethingHappens(stream: Stream, signal: AbortSignal): Promise<void> {
  const events = ['readable', 'end', 'close', 'error'] as const;
  return new Promise((resolve) => {
    const happened = () => {
      for (const event of events) stream.off(event, happened);
      signal.removeEventListener('abort', happened);
      resolve();
    };
    for (const event of events) stream.on(event, happened);
    signal.addEventListener('abort', happened, { once: true });
  });
}

/**
 * The end of a TCP connection that loses nothing (RFC 1122 4.2.2.13). A socket closed with bytes unread, or to which more
 * come, answers with a reset, and the system throws away what it has not delivered yet. TLS 1.3 makes that likely: the
 * server's session tickets come after the handshake, when a client may have said all it wants. So after our end we read
 * on, keep nothing, and close when the peer has ended. `docs/spec/endpoint.md` 7.
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Milliseconds and bytes after which a peer that does not end is left to its reset. */
const lingerTime = 2_000;
const lingerBytes = 1024 * 1024;
/** Sockets that linger at once; no place in `limits.connections` is held for them. */
const maxLingering = 1024;
let lingering = 0;

/** What a socket reads from, as Node itself does: `undefined` is the end, or an error. */
interface ReadHandle {
  onread: (bytes?: ArrayBuffer) => void;
  readStart(): unknown;
}

/**
 * Reads `tls`, which has sent its end, and drops what comes; calls `over`, once, when the socket may be closed.
 * A destroyed stream gives nothing more to read from, so this is done on the handle below it; a Node whose handles are
 * different closes at once.
 */
export function linger(tls: TLSSocket, over: () => void): void {
  const handle = handleOf(tls);
  if (handle === undefined || tls.readableEnded || lingering >= maxLingering) {
    over();
    return;
  }
  lingering++;
  let dropped = 0;
  const done = () => {
    handle.onread = () => {};
    clearTimeout(timer);
    lingering--;
    over();
  };
  const timer = setTimeout(done, lingerTime);
  tls.setTimeout(0);
  handle.onread = (bytes) => {
    dropped += bytes?.byteLength ?? 0;
    if (bytes === undefined || dropped > lingerBytes) done();
  };
  handle.readStart();
}

function handleOf(socket: Socket): ReadHandle | undefined {
  if (!('_handle' in socket)) return undefined;
  return isReadHandle(socket._handle) ? socket._handle : undefined;
}

function isReadHandle(value: unknown): value is ReadHandle {
  return (
    typeof value === 'object' &&
    value !== null &&
    'onread' in value &&
    'readStart' in value &&
    typeof value.readStart === 'function'
  );
}

/**
 * What the binding throws, by its message alone, as the errors of the contract. `docs/spec/endpoint.md` 3.
 *
 * @module
 */

import { type CloseInfo, ConnectionError } from '@alknet/sdk/streams';

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Nothing to do now; no error. */
export function isDone(error: unknown): boolean {
  return errorText(error) === 'Done';
}

/** What the binding throws for a stream that the peer gave up: `StreamReset(code)`, `StreamStopped(code)`. */
export function streamError(error: unknown): ConnectionError {
  const text = errorText(error);
  const match = /^Stream(Reset|Stopped)\((\d+)\)/.exec(text);
  if (match === null) return new ConnectionError('INTERNAL', `QUIC stream failed: ${text}`, { cause: error });
  const streamCode = Number(match[2]);
  return match[1] === 'Reset'
    ? new ConnectionError(
        'STREAM_RESET',
        `the peer reset the stream with code 0x${streamCode.toString(16)}`,
        { streamCode },
      )
    : new ConnectionError(
        'STREAM_STOPPED',
        `the peer takes no more data, code 0x${streamCode.toString(16)}`,
        { streamCode },
      );
}

/** quiche 0.18 forgets a stream that the peer stopped after its own end, and the code of the stop with it. */
export function forgottenError(): ConnectionError {
  return new ConnectionError('STREAM_STOPPED', 'the peer takes no more data');
}

export function closedError(closeInfo: CloseInfo): ConnectionError {
  const { code, reason, by } = closeInfo;
  const text = `connection closed by ${by}, code 0x${code.toString(16)}${reason === '' ? '' : `: ${reason}`}`;
  return new ConnectionError('CONNECTION_CLOSED', text, { closeInfo });
}

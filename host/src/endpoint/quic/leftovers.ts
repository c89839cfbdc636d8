/**
 * Streams that we are done with and quiche 0.18 is not. It gives a stream's credit back to the peer when the stream is
 * complete, and looks only when an acknowledgement of that stream comes or its data is read. A stream that was reset is
 * complete at neither moment: the reset itself stays "readable" for ever, and the peer's end may come after everything
 * of ours is acknowledged. Without a further look each such stream would cost the peer one stream of its limit, until
 * none can be opened any more. `docs/spec/endpoint.md` 6.3.
 *
 * @module
 */

import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { Shutdown } from '@matrixai/quic/native/types.js';
import { errorText, isDone } from './quiche-error.ts';

/** What is looked at of quiche. */
export type LeftoverStreams = Pick<
  QuicheConnection,
  'streamRecv' | 'streamCapacity' | 'streamFinished' | 'streamShutdown'
>;

/** Streams looked at in one turn. */
const looksPerTurn = 32;

/**
 * Milliseconds after which what we sent on a stream is acknowledged, or its connection is gone: the default idle
 * time-out. Before, a reset could take data back that is on its way.
 */
const settled = 30_000;

const noBytes = Buffer.alloc(0);

export class Leftovers {
  /** By stream id, in the order in which they are looked at: since when, and whether the last frame was asked for. */
  readonly #streams = new Map<number, { readonly since: number; nudged: boolean }>();

  get size(): number {
    return this.#streams.size;
  }

  add(id: number, now: number): void {
    this.#streams.set(id, { since: now, nudged: false });
  }

  /** Lets quiche look again at some of them. Whether there is something to send for it. */
  look(native: LeftoverStreams, now: number): boolean {
    let changed = false;
    let left = looksPerTurn;
    for (const [id, state] of this.#streams) {
      if (left-- === 0) break;
      this.#streams.delete(id);
      if (!isKnown(native, id)) {
        changed = true;
        continue;
      }
      this.#streams.set(id, state);
      if (state.nudged || now - state.since < settled || !native.streamFinished(id)) continue;
      state.nudged = true;
      if (nudge(native, id)) changed = true;
    }
    return changed;
  }
}

/** Reads the reset once more, which collects a complete stream; `false` when quiche has let go of it. */
function isKnown(native: LeftoverStreams, id: number): boolean {
  try {
    native.streamRecv(id, noBytes);
  } catch (error) {
    if (/^InvalidStreamState/.test(errorText(error))) return false;
    if (isDone(error)) return true;
  }
  try {
    native.streamCapacity(id);
    return true;
  } catch (error) {
    // Stopped by the peer, and still there.
    return /^StreamStopped/.test(errorText(error));
  }
}

/**
 * All has been received, and all of ours was acknowledged before: a RESET_STREAM, which says nothing new to a peer that
 * has our end, brings the acknowledgement at which quiche looks again.
 */
function nudge(native: LeftoverStreams, id: number): boolean {
  try {
    native.streamShutdown(id, Shutdown.Write, 0);
    return true;
  } catch {
    // Ours was a reset already; its acknowledgement is still to come.
    return false;
  }
}

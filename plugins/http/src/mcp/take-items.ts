/**
 * A subscription as a tool: so many of its items, for so long. `docs/spec/http.md` 21.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { type CallParts, callOptions } from './call-operation.ts';
import { jsonText } from './results.ts';
import { itemLimits, type OperationTool } from './tool.ts';

export interface TakenItems {
  readonly items: readonly unknown[];
  /** Whether the subscription has come to its end, rather than the limits to theirs. */
  readonly completed: boolean;
}

export interface TakeOptions extends CallParts {
  /** Bytes of JSON that the items may have together. */
  readonly maxBytes: number;
  /** Told of each item in its turn, with how many there are; the next one is asked for when it is done. */
  onItem(count: number, text: string): Promise<void>;
}

const enough = new CallError('ABORTED', 'no more items are wanted');

/** @throws CallError */
export async function takeItems(
  tool: OperationTool,
  args: Readonly<Record<string, unknown>>,
  options: TakeOptions,
): Promise<TakenItems> {
  const max = integer(args, 'max_items', itemLimits.items, itemLimits.maxItems);
  const timeout = integer(args, 'timeout_ms', itemLimits.timeoutMs, itemLimits.maxTimeoutMs);
  const input = tool.input(args);
  const ours = new AbortController();
  const timer = setTimeout(() => ours.abort(enough), timeout);
  const call = callOptions({ ...options, signal: AbortSignal.any([options.signal, ours.signal]) });
  const items: unknown[] = [];
  let left = options.maxBytes;
  try {
    for await (const item of options.gateway.subscribe(tool.operation.name, input, call)) {
      const text = jsonText(item);
      left -= Buffer.byteLength(text);
      if (left < 0) break;
      items.push(JSON.parse(text));
      await options.onItem(items.length, text);
      if (items.length === max) break;
    }
    const completed = items.length < max && left >= 0 && !ours.signal.aborted;
    return { items, completed };
  } catch (error) {
    // The time is over: what has come until then is the result.
    if (ours.signal.aborted && !options.signal.aborted) return { items, completed: false };
    throw error;
  } finally {
    clearTimeout(timer);
    ours.abort(enough);
  }
}

function integer(args: Readonly<Record<string, unknown>>, name: string, absent: number, max: number): number {
  const value = args[name];
  if (value === undefined) return absent;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new CallError('INVALID_INPUT', `expected ${name} to be an integer from 1 to ${max}`);
}

/**
 * What both hooks do: read the policy and the updates, and tell the node.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type ExaminedUpdate, isZero, kindOf, type Update } from '../core/push-policy.ts';
import { acknowledgement, type HookMessage, type PolicyFile } from './policy.ts';

/** @throws Error without the variable or the file */
export function readPolicy(): PolicyFile {
  const path = process.env['ALKNET_GIT_POLICY'];
  if (path === undefined) throw new Error('ALKNET_GIT_POLICY is not set');
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** `old SP new SP ref LF` on standard input, githooks(5). */
export function readUpdates(): Update[] {
  return readFileSync(0, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [old = '', id = ''] = line.split(' ', 2);
      return { old, new: id, ref: line.slice(old.length + id.length + 2) };
    });
}

/** Asks git what each update is. */
export function examine(updates: readonly Update[], { program }: PolicyFile): ExaminedUpdate[] {
  const ids = [...new Set(updates.map((update) => update.new).filter((id) => !isZero(id)))];
  const types = new Map<string, string>();
  if (ids.length > 0) {
    const options = { input: `${ids.join('\n')}\n`, encoding: 'utf8' as const, maxBuffer: 64 * 1024 * 1024 };
    const output = execFileSync(program, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], options);
    for (const line of output.split('\n')) {
      const [id = '', type = ''] = line.split(' ');
      types.set(id, type);
    }
  }
  return updates.map((update) => {
    const kind = kindOf(update);
    const type = types.get(update.new);
    return {
      ...update,
      kind,
      forced: kind === 'update' && !isForward(program, update, type),
      ...(type === undefined ? {} : { type }),
    };
  });
}

/** Whether the old commit is an ancestor of the new one; a tag that moves never goes forward. */
function isForward(program: string, update: Update, type: string | undefined): boolean {
  if (type !== 'commit' || update.ref.startsWith('refs/tags/')) return false;
  try {
    execFileSync(program, ['merge-base', '--is-ancestor', update.old, update.new], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Resolves when the node has taken it in. @throws Error when it has not */
export function tell(message: HookMessage): Promise<void> {
  const path = process.env['ALKNET_GIT_NOTIFY'];
  if (path === undefined) throw new Error('ALKNET_GIT_NOTIFY is not set');
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.once('error', reject);
    socket.once('close', () => {
      if (answer === acknowledgement) resolve();
      else reject(new Error('the node did not take it in'));
    });
    socket.write(`${JSON.stringify(message)}\n`);
  });
}

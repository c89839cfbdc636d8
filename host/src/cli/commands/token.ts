/**
 * `alknet token`: bearer tokens. A token is shown once, when it is made, and kept only as a hash.
 *
 * @module
 */

import { makeToken, peerIdFault, tokenHash } from '../../identity/index.ts';
import type { Command } from '../command.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { table } from '../output.ts';
import { changeAndWait, entriesOf, existing, parseWhen } from '../peers-change.ts';
import { confirm } from '../prompt.ts';

const newCommand: Command = {
  path: ['token', 'new'],
  aliases: [['token', 'create']],
  summary: 'Make the token of an entry, and the entry if it is missing',
  usage: 'ID',
  options: [
    { name: 'scope', value: 'S', repeat: true, help: 'right of a new entry' },
    { name: 'expires', value: 'WHEN', help: 'time, or span such as 90d, of the entry' },
  ],
  examples: ['alknet token new ci --scope host:read --expires 90d'],
  arguments: [1, 1],
  completes: 'entries',
  run: async (context) => {
    const id = context.args[0] ?? '';
    const fault = peerIdFault(id);
    if (fault !== undefined) throw usage(`peer id ${JSON.stringify(id)}: ${fault}`);
    const expires = context.value('expires');
    const expiresAt = expires === undefined ? undefined : parseWhen(expires);
    const entries = await entriesOf(context);
    const old = entries.find((entry) => entry.id === id);
    if (
      old?.tokenHash !== undefined &&
      !(await confirm(`${id} has a token already, which ends at once; replace it?`, context.yes))
    ) {
      throw new CliError(Exit.FAILED, 'not replaced');
    }
    const token = makeToken();
    const added = { tokenHash: tokenHash(token), ...(expiresAt === undefined ? {} : { expiresAt }) };
    await changeAndWait(context, (now) =>
      now.some((entry) => entry.id === id)
        ? now.map((entry) =>
            entry.id === id
              ? { ...entry, ...added, scopes: [...new Set([...entry.scopes, ...context.values('scope')])] }
              : entry,
          )
        : [
            ...now,
            {
              id,
              fingerprints: [],
              scopes: context.values('scope'),
              resources: {},
              enabled: true,
              createdAt: new Date().toISOString(),
              ...added,
            },
          ],
    );
    context.out.result({ id, token, expiresAt: expiresAt ?? old?.expiresAt ?? null }, token);
    return undefined;
  },
};

const listCommand: Command = {
  path: ['token', 'list'],
  summary: 'Entries that have a token',
  examples: ['alknet token list'],
  arguments: [0, 0],
  run: async (context) => {
    const entries = await entriesOf(context);
    const rows = entries
      .filter((entry) => entry.tokenHash !== undefined)
      .map(({ id, displayName, scopes, expiresAt }) => ({
        id,
        name: displayName ?? null,
        scopes,
        expiresAt: expiresAt ?? null,
      }));
    context.out.result(
      rows,
      table(
        ['id', 'expires', 'scopes'],
        rows.map((row) => [row.id, row.expiresAt ?? '-', row.scopes.join(' ')]),
      ),
    );
    return undefined;
  },
};

const revokeCommand: Command = {
  path: ['token', 'revoke'],
  summary: 'End the token of an entry',
  usage: 'ID',
  examples: ['alknet token revoke --help'],
  arguments: [1, 1],
  completes: 'entries',
  run: async (context) => {
    const id = context.args[0] ?? '';
    await changeAndWait(context, (entries) => {
      if (existing(entries, id).tokenHash === undefined) {
        throw new CliError(Exit.NOT_FOUND, `${id} has no token`, { code: 'TOKEN_NOT_FOUND' });
      }
      return entries.map((entry) => {
        if (entry.id !== id) return entry;
        const { tokenHash: _gone, ...rest } = entry;
        return rest as typeof entry;
      });
    });
    context.out.result({ revoked: true, id }, `revoked the token of ${id}`);
    return undefined;
  },
};

export const tokenCommands: readonly Command[] = [newCommand, listCommand, revokeCommand];

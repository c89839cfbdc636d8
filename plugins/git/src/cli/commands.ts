/**
 * `alknet git setup` and `alknet git url`. They run in the shell of the user. `docs/spec/cli.md` 10.
 *
 * @module
 */

import type { CommandContext, PluginCommand } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import { nameOfPath } from '../core/names.ts';
import { look, remove, type Setup, setUp } from './setup.ts';

const setup: PluginCommand = {
  name: 'setup',
  summary: 'Make git understand alknet:// URLs',
  options: [
    { name: 'check', help: 'only look; exit 1 when something is missing' },
    { name: 'submodules', help: 'also allow alknet:// URLs in submodules' },
    { name: 'remove', help: 'undo it' },
  ],
  examples: ['alknet git setup', 'alknet git setup --check'],
  run: async (context) => {
    const { has, result } = context;
    const submodules = has('submodules');
    if (has('remove')) {
      const removed = await remove();
      result(
        { removed },
        removed.length === 0 ? 'there was nothing to remove' : `removed ${removed.join(', ')}`,
      );
      return 0;
    }
    const state = has('check') ? await look() : await setUp({ submodules });
    result(state, described(state));
    return state.ready ? 0 : 1;
  },
};

function described({ git, helper, onPath, current, submodules, advice }: Setup): string {
  return [
    `git         ${git ?? 'not found'}`,
    `helper      ${helper ?? 'not installed'}${helper === undefined || current ? '' : ', of another installation'}`,
    `on PATH     ${onPath ? 'yes' : 'no'}`,
    `submodules  ${submodules ? 'allowed' : 'not allowed; --submodules allows them'}`,
    ...advice.map((text) => `try: ${text}`),
  ].join('\n');
}

const url: PluginCommand = {
  name: 'url',
  summary: 'The URLs of a repository',
  usage: 'PEER NAME',
  arguments: [2, 2],
  examples: ['alknet git url local app'],
  run: async (context) => {
    const [peer = '', text = ''] = context.arguments;
    const name = nameOfPath(text);
    if (name === undefined) {
      context.note(`${JSON.stringify(text)} is no name of a repository`);
      return 2;
    }
    const urls = {
      alknet: `alknet://${encodeURIComponent(peer).replaceAll('%3A', ':').replaceAll('%5B', '[').replaceAll('%5D', ']')}/${name}.git`,
      // As scp has it: the first colon ends the host.
      ...(/^[\w.-]+$/.test(peer) ? { ssh: `${peer}:${name}.git` } : {}),
      ...(await toldBy(context, peer, name)),
    };
    context.result(
      urls,
      Object.entries(urls)
        .map(([kind, value]) => `${kind.padEnd(6)}  ${value}`)
        .join('\n'),
    );
    return 0;
  },
};

/** Where the node itself says that the repository is; nothing when it cannot be asked, or shows none. */
async function toldBy(
  { dial, note }: CommandContext,
  peer: string,
  name: string,
): Promise<{ https?: string; ssh?: string }> {
  try {
    const session = createSession(await dial(peer, 'alknet/call'));
    const { urls } = (await session.call('git/info', { name })) as { urls: { https?: string; ssh?: string } };
    const { https, ssh } = urls;
    return { ...(https === undefined ? {} : { https }), ...(ssh === undefined ? {} : { ssh }) };
  } catch (error) {
    note(`nothing more is known: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
}

export const commands = [setup, url] as const;

/**
 * `alknet plugin check`: whether a plugin is one that a node can rely on.
 *
 * @module
 */

import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { isolationOf, secretsOf } from '../dev/options.ts';
import { targetOf } from '../dev/targets.ts';
import { CliError, Exit } from '../exit.ts';
import type { Checked, Place } from '../plugin-check/check.ts';
import { guardProcess } from '../plugin-check/guard.ts';
import { readSamples } from '../plugin-check/samples.ts';

export const pluginCheckCommand: Command = {
  path: ['plugin', 'check'],
  summary: 'Check a plugin: manifest, imports, schemas, and the conformance suite, in a worker and inline',
  usage: '[DIR|FILE]',
  options: [
    {
      name: 'isolation',
      value: 'KIND',
      help: 'inline or worker alone; default: first a worker, then inline',
    },
    { name: 'samples', value: 'FILE', help: 'JSON: config, inputs by operation, streams by ALPN, patience' },
    { name: 'secret', value: 'NAME=FILE', repeat: true, help: 'one that it requests; made up if not given' },
  ],
  examples: [
    'alknet plugin new acme-sound && alknet plugin check acme-sound',
    'alknet plugin new acme-light && alknet plugin check acme-light --isolation worker --json',
  ],
  arguments: [0, 1],
  run: async (context) => {
    context.localOnly('plugin check');
    const place = isolationOf(context.value('isolation'));
    const samples = await readSamples(context.value('samples'));
    const secrets = await secretsOf(context.values('secret'));
    const { name, use } = await targetOf(context.args[0] ?? '.');
    const places = place === undefined ? (['worker', 'inline'] as const) : [place];
    // The suite and the bundler: no other command waits for them to load.
    const { checkPlugin } = await import('../plugin-check/check.ts');
    const release = guardProcess(() => context.out.error(ended(name)));
    const checked = await context.out.during(`checking ${name}`, () =>
      checkPlugin({ name, use, places, samples, secrets }),
    );
    release();
    const code = told(context, name, checked);
    // A plugin may have left handles behind; they do not keep the command from its end.
    process.exit(code);
  },
};

function ended(name: string): CliError {
  return new CliError(Exit.FAILED, `${name} ended the process that it ran in`, {
    code: 'PLUGIN_FAILED',
    reason: 'it called process.exit',
    hint: 'alknet plugin check --isolation worker, which says where',
  });
}

function told({ out }: Context, name: string, { version, findings, skipped }: Checked): number {
  const failed = findings.filter(({ problem }) => problem !== undefined).length;
  const passed = findings.length - failed;
  const lines = findings.flatMap(({ where, title, problem }) => [
    `${problem === undefined ? 'ok  ' : 'fail'}  ${where.padEnd(7)}  ${title}`,
    ...(problem === undefined ? [] : problem.split('\n').map((line) => `${' '.repeat(15)}${line}`)),
  ]);
  const verdict =
    failed === 0
      ? `${name}: all ${passed} checks passed`
      : `${name}: ${failed} of ${findings.length} checks failed`;
  const rest = skipped.length === 0 ? '' : `; not run ${skipped.map(inWords).join(' or ')}, until they pass`;
  out.result(
    { name, version: version ?? null, passed, failed, skipped, findings },
    [...lines, '', verdict + rest].join('\n'),
  );
  return failed === 0 ? Exit.OK : Exit.FAILED;
}

const inWords = (place: Place) => (place === 'worker' ? 'in a worker' : 'inline');

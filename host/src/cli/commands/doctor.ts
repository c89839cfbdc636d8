/**
 * `alknet doctor`: everything that can keep a node from working, each with its remedy.
 *
 * @module
 */

import { ConfigError, type LoadedConfig } from '../../config/index.ts';
import { readRunningNode } from '../../node-file.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { type Check, fail, ok, type Patient, reason, warn } from '../doctor/check.ts';
import { permissions, staleFiles, vault } from '../doctor/files.ts';
import { loopbackUdp, ports } from '../doctor/network.ts';
import { clock, disk, git, nativeModules, openFiles, program, runtime } from '../doctor/system.ts';
import { type CertificateFinding, webCertificate } from '../doctor/web-certificate.ts';
import { Exit } from '../exit.ts';
import { looseDataDir } from '../loose-config.ts';
import { checkedConfig } from './config.ts';

export const doctorCommand: Command = {
  path: ['doctor'],
  summary: 'Check everything that a node rests on, and say what to do',
  options: [{ name: 'fix', help: 'repair permissions and what a crash has left; nothing else' }],
  examples: ['alknet doctor', 'alknet doctor --json'],
  arguments: [0, 0],
  run: async (context) => {
    context.localOnly('doctor');
    const { checks, certificates } = await context.out.during('checking', () => examine(context));
    const healthy = checks.every(({ state }) => state !== 'fail');
    const width = Math.max(...checks.map(({ name }) => name.length));
    context.out.result(
      { healthy, checks, certificates },
      checks
        .flatMap(({ name, state, message, remedy }) => [
          `${state.padEnd(4)}  ${name.padEnd(width)}  ${message}`,
          ...(remedy === undefined ? [] : [`${' '.repeat(width + 8)}try: ${remedy}`]),
        ])
        .join('\n'),
    );
    return healthy ? Exit.OK : Exit.FAILED;
  },
};

interface Findings {
  readonly checks: readonly Check[];
  readonly certificates: readonly CertificateFinding[];
}

async function examine(context: Context): Promise<Findings> {
  const { loaded, check } = await configuration(context);
  const dataDir = loaded?.config.dataDir ?? looseDataDir(context.value('data'), context.configPath);
  const patient: Patient = {
    configPath: context.configPath,
    config: loaded,
    dataDir,
    node: readRunningNode(dataDir),
    fix: context.has('fix'),
  };
  const web = await webCertificate(patient);
  const checks = [
    runtime(),
    await nativeModules(),
    check,
    await permissions(patient),
    await vault(patient),
    web.check,
    await staleFiles(patient),
    await ports(patient),
    await loopbackUdp(),
    await clock(patient),
    await openFiles(patient),
    await disk(patient),
    await git(),
    await program('ssh', 'install the OpenSSH client; alknet ssh needs it'),
    await program('sftp', 'install the OpenSSH client; alknet sftp needs it'),
    await program('git-remote-alknet', 'alknet git setup; git needs it for alknet:// URLs'),
  ];
  return { checks, certificates: web.certificates };
}

async function configuration(context: Context): Promise<{ loaded: LoadedConfig | undefined; check: Check }> {
  const path = context.configPath;
  const name = 'configuration';
  if (path === undefined)
    return {
      loaded: undefined,
      check: fail(name, 'there is none here', 'alknet init, or give --config FILE'),
    };
  try {
    const checked = await checkedConfig(path);
    const loaded = (await context.config()) ?? checked;
    const [warning] = loaded.warnings;
    return {
      loaded,
      check:
        warning === undefined
          ? ok(name, `${path}, revision ${loaded.revision}`)
          : warn(name, warning.message, 'alknet config validate'),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) return { loaded: undefined, check: fail(name, reason(error), path) };
    // What the file says is usable even where a plugin of it is not.
    const loaded = await context.config().catch(() => undefined);
    return { loaded, check: fail(name, error.message, `correct ${path}, then: alknet config validate`) };
  }
}

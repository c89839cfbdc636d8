/**
 * `alknet up`: runs the node in the foreground.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { addressText } from '../../endpoint/address.ts';
import type { AlknetNode } from '../../node.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit } from '../exit.ts';
import { wantsColour } from '../output.ts';
import { askSecret, isInteractive } from '../prompt.ts';

export const upCommand: Command = {
  path: ['up'],
  aliases: [['serve']],
  summary: 'Run the node in the foreground',
  options: [
    { name: 'passphrase-file', value: 'F', help: 'file with the vault passphrase' },
    { name: 'log-format', value: 'FORMAT', help: 'text or json; default text on a terminal' },
    { name: 'log-level', value: 'LEVEL', help: 'error, warn, notice, info, debug or trace' },
  ],
  examples: ['alknet up'],
  arguments: [0, 0],
  endsItself: true,
  run: up,
};

async function up(context: Context): Promise<number> {
  context.localOnly('up');
  const configPath = context.configPath;
  if (configPath === undefined) {
    throw new CliError(Exit.CONFIG, 'there is no configuration here', {
      code: 'CONFIG_MISSING',
      hint: 'alknet init',
    });
  }
  const format = context.value('log-format');
  if (format !== undefined && format !== 'text' && format !== 'json') {
    throw new CliError(Exit.USAGE, `--log-format: expected text or json, found ${JSON.stringify(format)}`);
  }
  const [dataDir, level, passphraseFile, credentials] = [
    context.value('data'),
    context.value('log-level'),
    context.value('passphrase-file'),
    process.env['CREDENTIALS_DIRECTORY'],
  ];
  // The whole node: no other command waits for it to load.
  const { startNode } = await import('../../node.ts');
  const node = await startNode({
    configPath,
    ownProcess: true,
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(level === undefined ? {} : { logLevel: level }),
    ...(format === undefined ? {} : { logFormat: format }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
    ...(credentials === undefined ? {} : { credentialsDirectory: credentials }),
    colour: wantsColour(context.value('color'), process.stderr),
    ...(isInteractive() ? { prompt: () => askSecret('vault passphrase', '--passphrase-file') } : {}),
  });
  // Before anybody is told that it runs, and may stop it.
  const stopped = untilStopped(node);
  const addresses = node.addresses.map(({ transport, address }) => `${transport} ${addressText(address)}`);
  context.out.result(
    {
      id: node.id,
      z32: node.z32,
      addresses: node.addresses.map(({ transport, address }) => ({ transport, ...address })),
      configPath: node.configPath,
      dataDir: node.dataDir,
    },
    `alknet ${node.id} on ${addresses.length === 0 ? 'no address' : addresses.join(', ')}`,
  );
  context.out.hint('in another terminal, try: npx alknet ops');
  notify('READY=1');
  const watchdog = startWatchdog();

  const code = await stopped;
  clearInterval(watchdog);
  // A plugin may have left handles behind; they do not keep a stopped node alive.
  process.exit(code);
}

/** The exit code, once a signal has ended the node. */
function untilStopped(node: AlknetNode): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (number: number) => {
      // A second signal ends the process at once.
      if (stopping) process.exit(128 + number);
      stopping = true;
      notify('STOPPING=1');
      setTimeout(() => {
        process.stderr.write('error: the node did not stop in time\n');
        process.exit(1);
      }, node.stopLimit).unref();
      node.stop().then(
        (laggards) => resolve(laggards.length === 0 ? 0 : 1),
        (error: unknown) => {
          process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
          resolve(1);
        },
      );
    };
    process.on('SIGINT', () => stop(2));
    process.on('SIGTERM', () => stop(15));
    process.on('SIGHUP', () => void node.reload());
  });
}

/** Tells systemd (sd_notify(3)); silent where there is none. */
function notify(state: string): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  // Node has no datagram sockets of the Unix domain: systemd-notify(1) speaks for this process.
  spawn('systemd-notify', [`--pid=${process.pid}`, state], { stdio: 'ignore' }).on('error', () => {});
}

function startWatchdog(): NodeJS.Timeout | undefined {
  const microseconds = Number(process.env['WATCHDOG_USEC']);
  if (!(microseconds > 0)) return undefined;
  return setInterval(() => notify('WATCHDOG=1'), microseconds / 2000);
}

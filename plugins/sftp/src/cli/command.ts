/**
 * `alknet sftp`: files of a node, by the built-in client or by the `sftp` of the system. `docs/spec/cli.md` 10.
 *
 * @module
 */

import {
  CallError,
  type CommandContext,
  type Connection,
  firstStream,
  type PluginCommand,
  shellLine,
} from '@alknet/sdk';
import { SftpClient, SftpError } from '../client/client.ts';
import { StatusCode } from '../codec/index.ts';
import { isVerb, runVerb, verbNames } from './verbs.ts';

export const sftpCommand: PluginCommand = {
  name: 'sftp',
  topLevel: true,
  wraps: true,
  summary: 'List, fetch and send files of a node, or run OpenSSH’s sftp on it',
  usage: '[--print] PEER [ls|get|put|rm|mkdir|mv|stat … | -- arguments of sftp]',
  options: [{ name: 'print', help: 'show the command line of OpenSSH’s sftp and run nothing' }],
  examples: ['alknet sftp --print local'],
  arguments: [1, Number.POSITIVE_INFINITY],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const [peer = '', verb, ...words] = context.arguments;
  if (verb !== undefined && isVerb(verb)) {
    await withClient(await context.dial(peer, 'alknet/sftp'), context.signal, (client) =>
      runVerb(client, verb, words, context),
    );
    return 0;
  }
  // sftp itself would take no notice of it.
  if (verb !== undefined && !verb.startsWith('-'))
    throw new CallError(
      'INVALID_INPUT',
      `alknet sftp PEER takes one of ${verbNames.join(', ')}, or -- and what sftp takes, found ${JSON.stringify(verb)}`,
    );
  return runStock(context, peer, verb === '--' ? words : context.arguments.slice(1));
}

/** No SSH inside: the stream itself is SFTP, and the node is proved by the connection. */
async function runStock(context: CommandContext, peer: string, rest: readonly string[]): Promise<number> {
  const { operator } = context;
  if (operator === undefined)
    throw new CallError('INTERNAL', 'this command runs as one of the built-in plugin sftp');
  const words = ['-D', directCommand([...operator.program, 'pipe', peer, 'alknet/sftp']), ...rest];
  if (!context.has('print')) return context.runProgram('sftp', words, 'install the OpenSSH client');
  context.result({ command: ['sftp', ...words] }, shellLine(['sftp', ...words]));
  return 0;
}

/** sftp takes it apart itself: double quotes, in which a backslash quotes. */
function directCommand(words: readonly string[]): string {
  return words.map((word) => (isPlain(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`)).join(' ');
}

const isPlain = (word: string) => /^[\w/.:@=+,#-]+$/.test(word);

async function withClient(
  connection: Connection,
  signal: AbortSignal,
  use: (client: SftpClient) => Promise<void>,
): Promise<void> {
  const stream = await firstStream(connection);
  const abandon = () => stream.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    const client = await SftpClient.begin(stream);
    await use(client);
    await client.end();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof SftpError ? inWords(error) : error;
  } finally {
    signal.removeEventListener('abort', abandon);
    stream.destroy();
  }
}

function inWords({ code, message: said, path }: SftpError): CallError {
  const message = path === undefined ? said : `${path}: ${said}`;
  if (code === StatusCode.NO_SUCH_FILE) return new CallError('NOT_FOUND', message);
  if (code === StatusCode.PERMISSION_DENIED) return new CallError('FORBIDDEN', message);
  if (code === StatusCode.CONNECTION_LOST)
    return new CallError(
      'UNREACHABLE',
      `${message}; is there an export for you? alknet call sftp/exports/list --node PEER`,
    );
  return new CallError('SFTP_FAILED', message);
}

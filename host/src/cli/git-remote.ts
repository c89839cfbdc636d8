/**
 * `git-remote-alknet`: what git runs for `alknet://PEER/repo.git`. It speaks the protocol of gitremote-helpers(7), of which
 * `connect` is all: it opens one stream of `alknet/git` and then carries bytes. `docs/spec/git.md` 10.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { firstStream, type Stream } from '@alknet/sdk/streams';
import { Context } from './context.ts';
import { CliError, Exit, toCliError, usage } from './exit.ts';
import { abortOn } from './interrupt.ts';

const interrupt = new AbortController();

const services = ['git-upload-pack', 'git-receive-pack', 'git-upload-archive'];

interface Place {
  readonly peer: string;
  readonly path: string;
}

/** Of `alknet://PEER/path`, or of `PEER/path` for `alknet::PEER/path`. A pin's `#` is written `%23`. */
function placeOf(url: string): Place {
  const rest = url.replace(/^alknet:\/\//, '');
  const slash = rest.indexOf('/');
  const wrong = (found: string) =>
    usage(`expected alknet://PEER/repository.git, found ${found}`, 'alknet git url PEER NAME');
  if (slash < 1 || slash === rest.length - 1) throw wrong(url);
  // As git has it of its own URLs: no repository has such a name, and the request is a line.
  if (url.includes('\n')) throw wrong(`${JSON.stringify(url)}: a newline is forbidden`);
  try {
    return { peer: decodeURIComponent(rest.slice(0, slash)), path: rest.slice(slash) };
  } catch {
    throw wrong(url);
  }
}

/** What git wants to speak; a helper is not told. */
async function protocolVersion(): Promise<readonly string[]> {
  const told = process.env['GIT_PROTOCOL'];
  // An empty one has no place in the request line.
  if (told !== undefined) return told.split(':').filter((text) => text !== '');
  const text = await new Promise<string>((resolve) => {
    // A key that is not set is a failure, and then nothing is printed.
    execFile('git', ['config', '--get', 'protocol.version'], (_failure, stdout) => resolve(stdout));
  });
  const version = /^[012]$/.exec(text.trim())?.[0] ?? '2';
  return version === '0' ? [] : [`version=${version}`];
}

function requestLine(service: string, path: string, parameters: readonly string[]): Buffer {
  const tail = parameters.length === 0 ? '' : `\0${parameters.map((text) => `${text}\0`).join('')}`;
  const payload = Buffer.from(`${service} ${path}\0${tail}`);
  const length = (payload.length + 4).toString(16).padStart(4, '0');
  return Buffer.concat([Buffer.from(length), payload]);
}

/** Commands of git, one a line, until it asks to connect. What comes after that line is left to be read. */
async function nextLine(): Promise<string | undefined> {
  let text = Buffer.alloc(0);
  for (;;) {
    const chunk: Buffer | null = process.stdin.read();
    if (chunk !== null) text = Buffer.concat([text, chunk]);
    const end = text.indexOf(0x0a);
    if (end !== -1) {
      if (end + 1 < text.length) process.stdin.unshift(text.subarray(end + 1));
      return text.subarray(0, end).toString('utf8');
    }
    if (process.stdin.readableEnded) return undefined;
    if (chunk === null)
      await new Promise<void>((resolve) => {
        process.stdin.once('readable', resolve);
        process.stdin.once('end', resolve);
      });
  }
}

async function main(args: readonly string[]): Promise<number> {
  const [, url] = args;
  if (url === undefined || args.length !== 2)
    throw usage('git runs this program for alknet:// URLs: git-remote-alknet REMOTE URL', 'alknet git setup');
  const place = placeOf(url);
  for (;;) {
    const line = await nextLine();
    if (line === undefined || line === '') return Exit.OK;
    if (line === 'capabilities') process.stdout.write('connect\n\n');
    else if (line.startsWith('connect ')) {
      const service = line.slice('connect '.length);
      if (services.includes(service)) return await carry(service, place);
      process.stdout.write('fallback\n');
    } else throw usage(`expected a command of gitremote-helpers(7), found ${JSON.stringify(line)}`);
  }
}

async function carry(service: string, { peer, path }: Place): Promise<number> {
  const words = { arguments: [], switches: new Map(), values: new Map(), words: [], command: undefined };
  const context = new Context(words, interrupt.signal);
  const [parameters, connection] = await Promise.all([protocolVersion(), context.dial(peer, 'alknet/git')]);
  interrupt.signal.addEventListener('abort', () => connection.close(0, ''), { once: true });
  try {
    const stream = await firstStream(connection);
    stream.write(requestLine(service, path, parameters));
    process.stdout.write('\n');
    await copy(stream);
    return Exit.OK;
  } finally {
    connection.close(0, '');
  }
}

/** Both ways with half-close, until the node has ended its side. */
async function copy(stream: Stream): Promise<void> {
  const { stdin, stdout } = process;
  const cut = await new Promise<Error | undefined>((resolve) => {
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      // git has heard enough.
      resolve(error.code === 'EPIPE' ? undefined : error);
    });
    stream.on('error', resolve);
    stream.on('end', () => resolve(undefined));
    stream.on('close', () => {
      if (!stream.readableEnded) resolve(new Error('it ended too early'));
    });
    stream.pipe(stdout, { end: false });
    stdin.pipe(stream);
  });
  stdin.destroy();
  if (cut !== undefined)
    throw new CliError(Exit.INTEGRITY, `the stream was cut: ${cut.message}`, { code: 'RESET' });
}

// git's own end by Ctrl-C ends this too, and the node must not wait for a client that is gone.
abortOn(['SIGINT', 'SIGTERM', 'SIGHUP'], interrupt);
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (interrupt.signal.aborted) return;
    const { message, reason, hint, exit } = toCliError(error);
    for (const text of [message, reason, hint === undefined ? undefined : `try: ${hint}`])
      if (text !== undefined) process.stderr.write(`alknet: ${text}\n`);
    process.exitCode = exit;
    // git would wait for more than this, and this for more of git.
    process.stdin.destroy();
  },
);

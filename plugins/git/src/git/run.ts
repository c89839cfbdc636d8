/**
 * A short run of git whose output is taken as a whole. No shell, no environment but the one given, a process group of its
 * own that ends with the signal. `docs/spec/git.md` 5.
 *
 * @module
 */

import { spawnGit } from './child.ts';

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Most bytes of output. Default 64 MiB. */
  readonly mostOutput?: number;
  /** Milliseconds. Default 60 000. */
  readonly timeout?: number;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class GitFailed extends Error {
  override readonly name = 'GitFailed';
}

/** @throws GitFailed when it does not end by itself, or says too much */
export async function runGit(program: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { env, input = '', signal, mostOutput = 64 * 1024 * 1024, timeout = 60_000 } = options;
  const child = spawnGit(program, args, env);
  const chunks: Buffer[] = [];
  let length = 0;
  let fault: string | undefined;
  const give = (reason: string) => {
    fault ??= reason;
    child.end('SIGKILL');
  };
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= mostOutput) chunks.push(chunk);
    else give(`more than ${mostOutput} bytes of output`);
  });
  const timer = setTimeout(() => give(`not done within ${timeout} ms`), timeout);
  const abort = () => give('aborted');
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const { code, stderr } = await child.closed;
    if (fault !== undefined || code === null)
      throw new GitFailed(`git ${args[0] ?? ''}: ${fault ?? `killed; ${stderr}`}`);
    return { code, stdout: Buffer.concat(chunks).toString('utf8'), stderr };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Standard output of a run that must succeed. @throws GitFailed with what git said */
export async function gitOutput(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const { code, stdout, stderr } = await runGit(program, args, options);
  if (code !== 0) throw new GitFailed(`git ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/**
 * Questions to a person, on standard error, only where a terminal is. `docs/spec/cli.md` 12.
 *
 * @module
 */

import { createInterface } from 'node:readline';
import { usage } from './exit.ts';

export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** A line typed without echo. @throws CliError exit 2 without a terminal */
export async function askSecret(question: string, option: string): Promise<string> {
  if (!isInteractive()) throw usage(`${question} cannot be asked for without a terminal; give ${option}`);
  process.stderr.write(`${question}: `);
  const { stdin } = process;
  stdin.setRawMode(true);
  stdin.resume();
  stdin.setEncoding('utf8');
  let text = '';
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return text;
        if (character === '\u0003') process.kill(process.pid, 'SIGINT');
        if (character === '\u007f' || character === '\b') text = text.slice(0, -1);
        else text += character;
      }
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write('\n');
  }
}

/** A line; the end of the input is an empty one. @throws CliError exit 2 without a terminal */
export async function askLine(question: string, option: string): Promise<string> {
  if (!isInteractive()) throw usage(`${question} cannot be asked for without a terminal; give ${option}`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      lines.question(`${question}: `, resolve);
    });
  } finally {
    lines.close();
  }
}

/** @throws CliError exit 2 without a terminal */
export async function confirm(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  const answer = await askLine(`${question} [y/N]`, '--yes');
  return /^y(es)?$/i.test(answer.trim());
}

/** One answer each; the end of the input is a no to all that is left. For a terminal alone. */
export async function confirmEach(questions: readonly string[]): Promise<boolean[]> {
  // One reader for all: what was typed ahead belongs to the next question.
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answers = lines[Symbol.asyncIterator]();
  const said: boolean[] = [];
  try {
    for (const question of questions) {
      lines.setPrompt(`${question} [y/N]: `);
      lines.prompt();
      const { value, done } = await answers.next();
      said.push(done !== true && /^y(es)?$/i.test(value.trim()));
    }
    return said;
  } finally {
    lines.close();
  }
}

/** All of standard input. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Finds the destination in a command line of OpenSSH's ssh, and writes a ProxyCommand. Pure.
 *
 * @module
 */

import { shellLine } from '@alknet/sdk';

/** Options that take a value, ssh(1). All others are switches. */
const valued = new Set('BbcDEeFIiJLlmOoPpQRSWw');

/** `[user@]PEER`, or `undefined` when there is none. The command behind it is not looked at. */
export function destinationOf(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    if (word === '--') return args[i + 1];
    if (!word.startsWith('-') || word === '-') return word;
    // `-4vp 22`: the first letter that takes a value takes the rest of the word, or the next word.
    const letter = [...word.slice(1)].findIndex((option) => valued.has(option));
    if (letter !== -1 && letter === word.length - 2) i++;
  }
  return undefined;
}

/** Without the user in front. */
export function peerOf(destination: string): string {
  return destination.slice(destination.lastIndexOf('@') + 1);
}

/** A ProxyCommand: ssh replaces `%` and a letter in it. */
export function proxyCommand(words: readonly string[]): string {
  return shellLine(words).replaceAll('%', '%%');
}

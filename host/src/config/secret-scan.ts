/**
 * Looks for what must never stand in a configuration: tokens, private keys, recovery phrases. `docs/spec/config.md` 2.
 * It reports places, never what stands there. Pure.
 *
 * @module
 */

import { wordlist } from '@scure/bip39/wordlists/english.js';
import * as jsonc from '../libraries/jsonc.ts';
import type { Problem } from './problems.ts';

const token = /alk_[A-Za-z0-9_-]{22,252}/;
const privateKey = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const phraseWords = new Set(wordlist);
/** The shortest recovery phrase (BIP-39). */
const shortestPhrase = 12;

const advice = 'keep it out of this file with: alknet secret set NAME, and write { "secret": "NAME" } here';

/** Comments, keys and text are searched alike. */
export function findSecrets(text: string): Problem[] {
  const problems: Problem[] = [];
  const phrase = phraseAt(text);
  if (phrase !== undefined) {
    problems.push({
      pointer: '',
      ...placeOf(text, phrase),
      message: `found a recovery phrase; never keep one in a file like this, and consider it known`,
    });
  }
  const scanner = jsonc.createScanner(text, false);
  for (let kind = scanner.scan(); kind !== endOfFile; kind = scanner.scan()) {
    // A string is looked at with its escapes resolved.
    const value =
      kind === stringLiteral
        ? scanner.getTokenValue()
        : kind === lineComment || kind === blockComment
          ? text.slice(scanner.getTokenOffset(), scanner.getTokenOffset() + scanner.getTokenLength())
          : '';
    const what = token.test(value) ? 'a token' : privateKey.test(value) ? 'a private key' : undefined;
    const hidden =
      kind === stringLiteral && phrase === undefined && phraseAt(value) !== undefined
        ? 'a recovery phrase'
        : undefined;
    const found = what ?? hidden;
    if (found === undefined) continue;
    const offset = scanner.getTokenOffset();
    problems.push({
      pointer: pointerAt(text, offset),
      ...placeOf(text, offset),
      message: `found ${found}; ${advice}`,
    });
  }
  return problems;
}

// Values of jsonc.SyntaxKind, a const enum that isolated modules cannot import.
const stringLiteral = 10;
const lineComment = 12;
const blockComment = 13;
const endOfFile = 17;

function pointerAt(text: string, offset: number): string {
  const { path } = jsonc.getLocation(text, offset + 1);
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Offset of twelve or more words of the BIP-39 list with nothing but white space and punctuation between them. */
function phraseAt(text: string): number | undefined {
  let run = 0;
  let start = 0;
  let end = 0;
  for (const match of text.matchAll(/[A-Za-z]+/g)) {
    if (!phraseWords.has(match[0].toLowerCase())) {
      run = 0;
    } else {
      if (run === 0 || !/^[\s",/*\\.\-0-9)]*$/.test(text.slice(end, match.index))) {
        run = 0;
        start = match.index;
      }
      if (++run >= shortestPhrase) return start;
    }
    end = match.index + match[0].length;
  }
  return undefined;
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellLine } from '../src/index.ts';

test('a shell takes a line apart into the words that it was made of', () => {
  const words = [
    'plain/word-1.txt',
    '',
    ' ',
    "it's",
    '"$HOME"',
    '$(id)',
    '`id`',
    '*',
    '#',
    '~',
    'a\nb',
    '\\',
    '!',
    'é',
    '%h',
  ];
  const line = shellLine([process.execPath, '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...words]);
  assert.deepEqual(JSON.parse(execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' })), words);
  assert.equal(shellLine(['ssh', '-o', 'A=b', 'x@y', 'two words']), "ssh -o A=b x@y 'two words'");
});

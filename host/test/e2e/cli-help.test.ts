import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtInCommands } from '../../src/cli/built-in-commands.ts';
import { commandNames, commandsNamed } from '../../src/cli/commands/index.ts';
import { shellIn } from './cli-support.ts';
import { eventually, made, place, up } from './support.ts';

const commands = await commandsNamed([]);

/** What an example leaves behind must not hold up another: these end what others need, or make what others show. */
const last = [/^alknet vault lock/, /^alknet vault unlock/, /^alknet vault rotate/, /^alknet plugin reload/];
const rank = (example: string) => last.findIndex((pattern) => pattern.test(example));

test('CLI-01 every example of every command runs as printed on a fresh node', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const examples = commands.flatMap(({ examples: own }) => own);
  const upExample = examples.indexOf('alknet up');
  assert.notEqual(upExample, -1);
  examples.splice(upExample, 1);

  // Those that run until they are told to stop.
  const start = async (example: string) => {
    const child = spawn('bash', ['-c', `exec ${example}`], {
      cwd: here.folder,
      env: { PATH: `${join(here.folder, 'bin')}:${process.env['PATH']}`, HOME: here.folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(child, 'exit');
    here.daemons.add(async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    });
    await once(child.stdout, 'data');
    return async () => {
      child.stdout.resume();
      child.kill('SIGTERM');
      assert.equal((await ended)[0], 0, example);
    };
  };
  const stopNode = await start('alknet up');
  for (const example of examples.filter((text) => text.startsWith('alknet dev'))) {
    examples.splice(examples.indexOf(example), 1);
    await (await start(example))();
  }

  const run = async (example: string) => {
    const { code, stderr } = await sh(example, { input: '' });
    assert.equal(code, 0, `${example}: ${stderr}`);
  };
  const free = examples.filter((example) => rank(example) === -1);
  // Some at a time: starting a process is what takes long here.
  const queue = [...free];
  const worker = async () => {
    for (let example = queue.shift(); example !== undefined; example = queue.shift()) await run(example);
  };
  await Promise.all([worker(), worker(), worker()]);
  for (const example of examples.filter((text) => rank(text) !== -1).sort((a, b) => rank(a) - rank(b)))
    await run(example);

  await stopNode();
});

test('CLI-42 every command has --help with exit 0, with no node, no configuration and no data', async (t) => {
  const here = await place(t);
  const sh = await shellIn(here);
  const paths = commands.flatMap(({ path, aliases = [] }) => [path, ...aliases]);
  // The command itself, once for each; the process is the same only because starting one takes long.
  await here.write(
    'each.mjs',
    `import { writeFileSync } from 'node:fs';
     const [main, list] = process.argv.slice(2);
     let text = '';
     process.stdout.write = (chunk) => { text += chunk; return true; };
     const results = [];
     for (const [index, path] of JSON.parse(list).entries()) {
       process.argv = ['node', 'alknet', ...path, '--help'];
       text = ''; process.exitCode = undefined;
       await import(main + '?' + index);
       while (process.exitCode === undefined) await new Promise(setImmediate);
       results.push({ code: process.exitCode, text });
     }
     process.exitCode = 0;
     writeFileSync('results.json', JSON.stringify(results));`,
  );
  const main = new URL('../../dist/cli/main.js', import.meta.url).href;
  await sh(`node each.mjs ${main} '${JSON.stringify(paths)}'`);
  const results = JSON.parse(await here.read('results.json')) as { code: number; text: string }[];
  assert.equal(results.length, paths.length);
  for (const [index, { code, text }] of results.entries()) {
    const name = paths[index]?.join(' ') ?? '';
    assert.equal(code, 0, name);
    assert.match(text, /^alknet .+: .+\n\nUsage: alknet /, name);
    assert.match(text, /\nExamples:\n {2}\S/, name);
    assert.ok(text.includes(`alknet ${name}`), name);
  }
  // What the overview knows without loading a command is what the command says.
  const known = ({
    path,
    aliases = [],
    summary,
  }: (typeof commandNames)[number] | (typeof commands)[number]) => JSON.stringify({ path, aliases, summary });
  assert.deepEqual(commandNames.map(known).sort(), commands.map(known).sort());
  const overview = await here.ok(['help']);
  for (const { path, summary } of [...commands, ...builtInCommands])
    assert.ok(overview.includes(`${path.join(' ')} `) && overview.includes(summary));
  // What the overview says of a plugin's command without its code is what the command says.
  await Promise.all(
    builtInCommands.map(async ({ path, summary }) => {
      const text = await here.ok([...path, '--help']);
      assert.ok(text.startsWith(`alknet ${path.join(' ')}: ${summary}\n`), text);
    }),
  );
  assert.match(await here.ok(['peer', 'add', '--help']), /^alknet peer add: /);
});

test('CLI-33 without a terminal no command waits: it exits 2 and names the option to give', async (t) => {
  const here = await made(t);
  await here.ok(['token', 'new', 'ci']);
  const cases: [string[], RegExp][] = [
    [['peer', 'rm', 'operator'], /--yes/],
    [['token', 'new', 'ci'], /--yes/],
    [['peer', 'add', 'bob', '127.0.0.1:9'], /--fingerprint/],
    [['vault', 'rotate'], /--passphrase-file/],
    [['init', '--config', 'new/alknet.config.json', '--data', 'new/data'], /--passphrase-file/],
    [['init', '--restore', '--config', 'new/alknet.config.json', '--data', 'new/data'], /--passphrase-file/],
    [['vault', 'restore', '--data', 'other', '--mnemonic-passphrase'], /terminal/],
  ];
  await Promise.all(
    cases.map(async ([args, option]) => {
      const { code, stderr } = await here.run(args, `${'abandon '.repeat(11)}about\n`);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, option, args.join(' '));
    }),
  );
});

test('CLI-33 at a terminal the end of the input is a no, and the command says what it did not do', async (t) => {
  const here = await made(t);
  // Puts `alknet` on PATH.
  await shellIn(here);
  await here.ok(['token', 'new', 'ci']);
  const before = await here.ok(['peer', 'show', 'ci', '--json']);
  // A terminal by script(1), at which Ctrl-D is typed once the question stands there.
  const terminal = spawn('script', ['-qec', 'alknet token new ci', '/dev/null'], {
    cwd: here.folder,
    env: { PATH: `${join(here.folder, 'bin')}:${process.env['PATH']}`, HOME: here.folder, NO_COLOR: '1' },
  });
  const ended = once(terminal, 'close') as Promise<[number | null]>;
  here.daemons.add(async () => {
    terminal.kill('SIGKILL');
    await ended;
  });
  let shown = '';
  for await (const chunk of terminal.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    if (!shown.includes('[y/N]: ') && (shown + chunk).includes('[y/N]: ')) terminal.stdin.write('\x04');
    shown += chunk;
  }
  assert.equal((await ended)[0], 1, shown);
  assert.match(shown, /ci has a token already, which ends at once; replace it\? \[y\/N\]: /);
  assert.match(shown, /error: not replaced/);
  assert.equal(await here.ok(['peer', 'show', 'ci', '--json']), before);
});

test('CLI-31 output to a pipe has no colour, progress or truncation, and NO_COLOR is honoured', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const long = 'x'.repeat(120);
  await here.ok(['peer', 'set', 'operator', '--scope', long]);
  const piped = await sh('alknet peer list | cat; alknet peer show nobody 2>&1 | cat');
  assert.ok(piped.stdout.includes(long));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const control = /[\x00-\x09\x0b-\x1f\x7f]/;
  assert.doesNotMatch(piped.stdout + piped.stderr, control);
  // A terminal 40 columns wide, by script(1).
  const onTerminal = async (env: Record<string, string>, command: string) =>
    (await sh(`script -qec ${JSON.stringify(command)} /dev/null`, { env: { COLUMNS: '40', ...env } })).stdout;
  const [coloured, plain, forced, never] = await Promise.all([
    onTerminal({}, 'alknet peer list'),
    onTerminal({ NO_COLOR: '1' }, 'alknet peer list'),
    onTerminal({ NO_COLOR: '1' }, 'alknet peer list --color always'),
    onTerminal({}, 'alknet peer list --color never'),
  ]);
  assert.ok(coloured.includes('\x1b['), 'a terminal gets colour');
  assert.ok(!plain.includes('\x1b'));
  assert.ok(forced.includes('\x1b['), 'an option beats the environment');
  assert.ok(!never.includes('\x1b'));
});

test('CLI-32 a reader that leaves early ends the command quietly with exit 0', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await up(here);
  const commandsThatWrite = ['alknet ops', 'alknet config schema', 'alknet help'];
  for (const text of commandsThatWrite) {
    const { code, stdout, stderr } = await sh(`set -o pipefail; ${text} | head -1`);
    assert.equal(code, 0, text);
    assert.equal(stderr, '');
    assert.equal(stdout.split('\n').length, 2);
  }
});

test('CLI-34 the bash completion loads and completes commands, options, peers and operations, each in 200 ms', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await here.ok(['peer', 'add', 'bobby', '--fingerprint', `ed25519:${'0'.repeat(63)}1`]);
  await up(here);
  await eventually('the node tells its operations', async () =>
    (await here.read('data/node.json')).includes('services/list'),
  );
  const complete = (...words: string[]) =>
    `COMP_WORDS=(alknet ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _alknet; echo "\${COMPREPLY[*]}"`;
  const lines = [
    complete('pe'),
    complete('peer', ''),
    complete('peer', 'show', 'bo'),
    complete('--node', 'bo'),
    complete('call', 'services/list-p'),
    complete('--timeout', '5', 'schema', 'services/sch'),
    complete('plugin', 'disable', ''),
    complete('init', '--no'),
    complete('call', 'services/list', ''),
    complete('fo'),
    complete('git', ''),
    complete('git', 'url', 'bo'),
    complete('git', 'setup', '--sub'),
    complete('ssh', 'bo'),
  ];
  const { stdout, stderr, code } = await sh(`source <(alknet completion bash)\n${lines.join('\n')}`);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split('\n').slice(0, -1), [
    'peer',
    'add disable enable list rm set show',
    'bobby',
    'bobby',
    'services/list-peers',
    'services/schema',
    'call http ssh sftp git',
    '--no-passphrase --node',
    '',
    'forward',
    'setup url',
    'bobby',
    '--submodules',
    'bobby',
  ]);
  // The least of several: what the machine does besides is not the command's.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10 && least > 200; i++) {
    const begun = performance.now();
    await sh('exec alknet __complete operations');
    least = Math.min(least, performance.now() - begun);
  }
  assert.ok(least < 200, `${least} ms`);
  for (const shell of ['zsh', 'fish']) {
    const script = await here.ok(['completion', shell]);
    await here.write(`alknet.${shell}`, script);
    const { code: found } = await sh(`command -v ${shell}`);
    // Where that shell is installed it has to take the script as well.
    if (found === 0) assert.equal((await sh(`${shell} -n alknet.${shell}`)).code, 0, shell);
    for (const { path } of commands) assert.ok(script.includes(path[0] ?? ''));
  }
});

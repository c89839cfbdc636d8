/** Hooks, files and variables that would change what git does for the node. */

import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, pushing, realNode, startedWithApp } from './support.ts';

test('GIT-20 a hook or config file planted inside a repository is never run or obeyed', async (t) => {
  const { node, ada, work } = await startedWithApp(t);
  const marker = join(node.directory, 'ran');
  const script = `#!/bin/sh\ntouch ${marker}\n`;
  const repository = join(node.root, 'app.git');
  await mkdir(join(repository, 'hooks'));
  const hooks = [
    'pre-receive',
    'update',
    'post-receive',
    'post-update',
    'reference-transaction',
    'proc-receive',
  ];
  for (const hook of hooks) await writeFile(join(repository, 'hooks', hook), script, { mode: 0o755 });
  await ada.git(['push', '--quiet', 'origin', 'main:hooked'], { cwd: work });
  await ada.git(['clone', '--quiet', ada.url('app'), 'copy']);
  const config = await readFile(join(repository, 'config'), 'utf8');
  const program = join(node.directory, 'program');
  await writeFile(program, script, { mode: 0o755 });
  const planted = [
    `[uploadpack]\n\tpackObjectsHook = ${program}\n`,
    `[core]\n\talternateRefsCommand = ${program}\n`,
    `[tar "x"]\n\tcommand = ${program}\n\tremote = true\n`,
    `[include]\n\tpath = ${program}\n`,
    `[extensions]\n\tworktreeConfig = true\n`,
    `[remote "origin"]\n\tpromisor = true\n`,
    `[transfer]\n\thideRefs = !refs/alknet\n[gc]\n\tauto = 1\n[receive]\n\tdenyDeletes = false\n`,
    'no config at all',
  ];
  for (const text of planted) {
    await writeFile(join(repository, 'config'), `${config}${text}`);
    const cloned = await ada.try(['ls-remote', ada.url('app')]);
    const overridden = text.startsWith('[transfer]');
    assert.equal(cloned.code === 0, overridden, text);
    if (!overridden) assert.match(cloned.stderr, /repository not found: app/);
  }
  await writeFile(join(repository, 'config'), config);
  for (const [path, text] of [
    ['objects/info/alternates', '/tmp\n'],
    ['config.worktree', ''],
    ['commondir', '..\n'],
    ['info/grafts', ''],
  ] as const) {
    await mkdir(join(repository, 'info'), { recursive: true });
    await mkdir(join(repository, 'objects', 'info'), { recursive: true });
    await writeFile(join(repository, path), text);
    assert.match((await ada.try(['ls-remote', ada.url('app')])).stderr, /repository not found/, path);
    await rename(join(repository, path), join(node.directory, 'aside'));
  }
  assert.equal((await ada.try(['ls-remote', ada.url('app')])).code, 0);
  await assert.rejects(readFile(marker), { code: 'ENOENT' });
  assert.ok(node.log().some((row) => String(row['fault']).includes('uploadpack.packobjectshook')));
});

test("GIT-21 variables of the daemon's environment do not reach git", async (t) => {
  const directory = (await realNode(t)).directory;
  const seen = join(directory, 'seen');
  const wrapper = join(directory, 'git');
  await writeFile(
    wrapper,
    `#!/bin/sh\nenv > ${seen}.$$\ncase "$1" in --version) ;; *) mv ${seen}.$$ ${seen}-$(date +%N) ;; esac\nexec /usr/bin/git "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  const planted = {
    GIT_DIR: '/nowhere',
    GIT_CONFIG_PARAMETERS: "'core.hooksPath=/nowhere'",
    GIT_CONFIG_GLOBAL: '/nowhere/config',
    GIT_SSH_COMMAND: 'false',
    GIT_TRACE: `${directory}/trace`,
    GIT_OBJECT_DIRECTORY: '/nowhere',
    SECRET_TOKEN: 'hunter2',
    LD_LIBRARY_PATH: '/nowhere',
  };
  const saved = { ...process.env };
  Object.assign(process.env, planted);
  t.after(() => {
    for (const name of Object.keys(planted)) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  });
  const node = await realNode(t, { program: wrapper, ...pushing });
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'app' });
  const work = await ada.work('app');
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  await ada.git(['ls-remote', ada.url('app')]);
  const files = (await readdir(directory)).filter((name) => name.startsWith('seen-'));
  const runs = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  assert.ok(runs.length >= 3);
  const allowed =
    /^(?:PATH|HOME|XDG_CONFIG_HOME|LC_ALL|GIT_CONFIG_(?:NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|GIT_CONFIG_GLOBAL=\/dev\/null|GIT_ATTR_NOSYSTEM|GIT_TERMINAL_PROMPT|GIT_OPTIONAL_LOCKS|GIT_PROTOCOL|ALKNET_GIT_(?:POLICY|NOTIFY)|PWD|_|SHLVL|OLDPWD)(?:=|$)/;
  // Set by git for what it starts itself: its hooks and their git.
  const ofGit =
    /^(?:GIT_DIR=\.|GIT_(?:QUARANTINE_PATH|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES)=(?:.*app\.git)|GIT_EXEC_PATH|GIT_PUSH_OPTION_COUNT|GIT_PREFIX|GIT_INTERNAL)/;
  for (const text of runs) {
    for (const row of text.split('\n').filter((each) => each !== ''))
      assert.ok(allowed.test(row) || ofGit.test(row), row);
  }
});

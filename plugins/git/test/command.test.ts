import assert from 'node:assert/strict';
import { mkdir, readlink, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { shellIn } from '../../../host/test/e2e/cli-support.ts';
import { made, up } from '../../../host/test/e2e/support.ts';
import { commands } from '../src/cli/commands.ts';

const helper = fileURLToPath(new URL('../../../host/bin/git-remote-alknet.js', import.meta.url));
const config = (more = '') => `{
  "dataDir": "./data",
  "listen": { "quic": "127.0.0.1:0", "tls": "127.0.0.1:0" },
  "plugins": { "call": true, "git": { "config": { "push": { "enabled": true } ${more} } } }
}`;

test('CLI-28 git setup makes git clone alknet://PEER/repo.git work in a new shell', async (t) => {
  const here = await made(t);
  await here.write('alknet.config.json', config());
  const sh = await shellIn(here);
  const { id, port } = await up(here);
  const place = join(here.folder, '.local', 'bin');
  // Not what npm adds for the tests that it runs.
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => !directory.endsWith(join('node_modules', '.bin')));
  const newShell = (script: string) =>
    sh(
      `export PATH=${[place, join(here.folder, 'bin'), ...path].join(delimiter)} ALKNET_CONFIG=${here.config}; ${script}`,
    );
  const before = await newShell('alknet git setup --check');
  assert.equal(before.code, 1);
  assert.match(before.stdout, /helper {6}not installed/);
  assert.match(before.stdout, /try: alknet git setup/);
  const cold = await newShell('git ls-remote alknet://local/app.git');
  assert.match(cold.stderr, /remote-alknet/);

  const done = await sh('alknet git setup --json');
  assert.equal(done.code, 1, 'its directory is not on PATH yet');
  assert.match(done.stdout, /export PATH=/);
  assert.equal(await readlink(join(place, 'git-remote-alknet')), helper);
  assert.equal((await newShell('alknet git setup')).code, 0);

  const peer = `127.0.0.1:${port}#${id}`;
  const created = await here.ok(['call', 'git/create', 'name=team/app', '--json']);
  const { urls: told } = JSON.parse(created) as { urls: { alknet: string } };
  const script = `set -e
    git init --quiet -b main work && cd work
    git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m one
    git push --quiet alknet://local/team/app.git main
    cd ..
    git clone --quiet alknet://local/team/app.git by-name
    git clone --quiet 'alknet://${peer.replace('#', '%23')}/team/app.git' by-pin
    git clone --quiet alknet::local/team/app by-helper-name
    git clone --quiet '${told.alknet}' by-key
    git -C by-pin log -1 --format=%s`;
  const ran = await newShell(script);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /one\n$/);
  // An alias of the address book.
  await here.write(
    'alknet.config.json',
    config().replace(
      /\n}$/,
      `,\n"peers": { "office": { "addresses": ["127.0.0.1:${port}"], "fingerprints": ["${id}"] } }\n}`,
    ),
  );
  const alias = await newShell('git clone --quiet alknet://office/team/app.git by-alias');
  assert.equal(alias.code, 0, alias.stderr);
  const byKey = await newShell(`alknet call services/list limit:=1 --node ${id} --data elsewhere`);
  assert.equal(byKey.code, 0, byKey.stderr);
  const wrong = await newShell(
    `git clone alknet://127.0.0.1:${port}%23ed25519:${'0'.repeat(64)}/team/app.git no`,
  );
  assert.match(wrong.stderr, /^alknet: .*ed25519:/m);
  const unpinned = await newShell(`git ls-remote alknet://127.0.0.1:${port}/team/app.git`);
  assert.match(unpinned.stderr, /^alknet: .*no key is known/m);
  const nonsense = await newShell('git ls-remote alknet:///app.git');
  assert.match(nonsense.stderr, /^alknet: expected alknet:\/\/PEER\/repository\.git/m);
  const twoLines = await newShell("git ls-remote $'alknet://local/app\\n.git'");
  assert.match(twoLines.stderr, /^alknet: .*a newline is forbidden/m);

  const urls = await newShell(`alknet git url local team/app --json`);
  assert.deepEqual(JSON.parse(urls.stdout), {
    alknet: 'alknet://local/team/app.git',
    ssh: 'local:team/app.git',
  });
  assert.deepEqual(JSON.parse((await newShell(`alknet git url '${peer}' team/app --json`)).stdout), {
    alknet: `alknet://${peer.replace('#', '%23')}/team/app.git`,
  });
  assert.equal((await newShell('alknet git url local ../x')).code, 2);

  const allowed = await newShell(
    'alknet git setup --submodules && git config --global protocol.alknet.allow',
  );
  assert.match(allowed.stdout, /always\n$/);
  assert.equal((await newShell('alknet git setup --remove')).code, 0);
  assert.equal((await newShell('git config --global protocol.alknet.allow')).code, 1);
  assert.notEqual((await newShell('alknet git setup --check')).code, 0);
});

test('the examples of the commands run as printed, with git on and off', async (t) => {
  const here = await made(t);
  await mkdir(join(here.folder, '.local', 'bin'), { recursive: true });
  await symlink(helper, join(here.folder, '.local', 'bin', 'git-remote-alknet'));
  const sh = await shellIn(here);
  await up(here);
  for (const { name, examples } of commands) {
    const help = await sh(`alknet git ${name} --help`);
    assert.equal(help.code, 0);
    for (const example of examples) {
      assert.ok(help.stdout.includes(example));
      const { code, stderr } = await sh(`export PATH=$HOME/.local/bin:$PATH; ${example}`);
      assert.equal(code, 0, `${example}: ${stderr}`);
    }
  }
});

/** What a file in the syntax of sshd_config(5) says, as configuration and peers of the plugin. */

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import ssh2 from 'ssh2';

export interface Translated {
  readonly port: number;
  readonly pidFile: string;
  readonly hostKey: { readonly privateKey: Buffer; readonly publicKey: Buffer };
  /** The program of the subsystem `sftp`. */
  readonly sftp: string;
  /** Of `plugins.ssh.config`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly scopes: readonly string[];
  /** Those lines of the authorized keys that name keys of peers. Read when asked for. */
  sshKeys(): string[];
}

/** Nothing of ours is set by these: the algorithms are fixed, and so are the names of variables that are taken. */
const withoutCounterpart = new Set([
  'acceptenv',
  'addressfamily',
  'ciphers',
  'kexalgorithms',
  'hostkeyalgorithms',
  'listenaddress',
  'loglevel',
  'macs',
  'rekeylimit',
  'strictmodes',
  'useprivilegeseparation',
  'usepam',
  'permituserenvironment',
  'pubkeyacceptedalgorithms',
  'securitykeyprovider',
  'setenv',
]);

const withCounterpart = new Set([
  'allowtcpforwarding',
  'authorizedkeysfile',
  'banner',
  'hostkey',
  'logingracetime',
  'maxstartups',
  'permitlisten',
  'permitopen',
  'pidfile',
  'port',
  'subsystem',
]);

/** @throws Error for a keyword that is not known here: no script may pass for want of a setting */
export function translate(text: string): Translated {
  const settings = parse(text);
  const one = (keyword: string) => settings.get(keyword)?.[0]?.[0];
  for (const keyword of settings.keys())
    if (!withCounterpart.has(keyword) && !withoutCounterpart.has(keyword))
      throw new Error(`sshd_config: nothing of alknet stands for ${keyword}`);
  const forwarding = one('allowtcpforwarding') ?? 'yes';
  const user = userInfo().username;
  const keyFile = required(one('authorizedkeysfile'), 'AuthorizedKeysFile').replace('%u', user);
  const lines = () => readFileSync(keyFile, 'utf8').split('\n').filter(isKeyLine);
  const banner = bannerOf(one('banner'));
  return {
    port: Number(one('port')),
    pidFile: required(one('pidfile'), 'PidFile'),
    hostKey: ed25519Of(settings.get('hostkey')?.map(([file = '']) => file) ?? []),
    sftp: required(settings.get('subsystem')?.find(([name]) => name === 'sftp')?.[1], 'Subsystem sftp'),
    scopes: [
      ...['ssh:shell', 'ssh:exec', 'ssh:sftp'],
      ...(['yes', 'local'].includes(forwarding) ? ['ssh:forward:local'] : []),
      ...(['yes', 'remote'].includes(forwarding) ? ['ssh:forward:remote'] : []),
    ],
    sshKeys: () => lines().filter((line) => !line.startsWith('cert-authority')),
    config: {
      // As with sshd, who logs in has the rights of whoever runs the scripts.
      allowRoot: true,
      cwd: '/',
      userCas: lines().flatMap((line) => authorityOf(line)),
      ...(banner !== undefined && { banner }),
      ...(one('logingracetime') !== undefined && { loginGrace: one('logingracetime') }),
      ...(one('maxstartups') !== undefined && { maxUnauthenticated: Number(one('maxstartups')) }),
      forward: {
        policy: {
          rules: [
            { action: 'allow', target: settings.get('permitopen')?.[0] ?? '*', private: true },
            { action: 'allow', kind: 'listen', target: settings.get('permitlisten')?.[0] ?? '*' },
            { action: 'allow', kind: 'any', target: 'unix:/**' },
          ],
        },
      },
    },
  };
}

/** Words of each line, by keyword; of a keyword that stands twice, the first counts. */
function parse(text: string): Map<string, string[][]> {
  const settings = new Map<string, string[][]>();
  for (const line of text.split('\n')) {
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)[\s=]+(.*?)\s*$/.exec(line) ?? [];
    if (keyword === '') continue;
    const words = rest.split(/\s+/);
    settings.set(keyword.toLowerCase(), [...(settings.get(keyword.toLowerCase()) ?? []), words]);
  }
  return settings;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new Error(`sshd_config: expected ${name}`);
  return value;
}

/** Keys of no use to alknet are left out; they would refuse `peers.json`. */
const isKeyLine = (line: string) => line.trim() !== '' && !/\bssh-dss\b|\bsk-|^#/.test(line);

function authorityOf(line: string): { key: string; principals?: string[]; scopes: string[] }[] {
  const [, principals, key = ''] = /^cert-authority(?:,principals="([^"]*)")? (.*)$/.exec(line) ?? [];
  if (key === '') return [];
  return [
    { key, scopes: ['ssh:exec'], ...(principals !== undefined && { principals: principals.split(',') }) },
  ];
}

/** Nothing where the configuration takes no such text: it is at most 8 KiB. */
function bannerOf(file: string | undefined): string | undefined {
  if (file === undefined || !existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  return text.length > 8192 ? undefined : text;
}

function ed25519Of(files: readonly string[]): Translated['hostKey'] {
  for (const file of files) {
    const parsed = ssh2.utils.parseKey(readFileSync(file));
    if (parsed instanceof Error || parsed.type !== 'ssh-ed25519') continue;
    const key = createPrivateKey(parsed.getPrivatePEM());
    return {
      privateKey: key.export({ format: 'der', type: 'pkcs8' }).subarray(16),
      publicKey: createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(12),
    };
  }
  throw new Error('sshd_config: expected a HostKey of type ssh-ed25519');
}

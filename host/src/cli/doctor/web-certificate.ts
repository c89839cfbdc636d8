/**
 * The certificate that browsers and stock clients are shown: of files or by ACME, and whether a running node shows it.
 * `docs/spec/identity.md` 7.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { silentLog } from '@alknet/sdk';
import { AcmeCertificates } from '../../acme/index.ts';
import { acmeCertificateRows, fileCertificateRows } from '../../node/certificate-rows.ts';
import { readWebCertificate } from '../../node/web-certificates.ts';
import type { NodeStatus } from '../../operations/status.ts';
import { type Check, fail, ok, type Patient, reason, warn } from './check.ts';

type Row = NodeStatus['certificates'][number];

/** As `host/status` has it, and how long it is good for. */
export interface CertificateFinding extends Row {
  /** Whole days; below 0 when it has expired. */
  readonly daysLeft?: number;
}

const name = 'web certificate';
const day = 86_400_000;
/** Days, as the node itself begins to warn. */
const soon = 14;

export async function webCertificate(
  patient: Patient,
): Promise<{ readonly check: Check; readonly certificates: readonly CertificateFinding[] }> {
  const rows = await configured(patient);
  const certificates = rows.map((row) => ({
    ...row,
    ...(row.notAfter === undefined
      ? {}
      : { daysLeft: Math.floor((Date.parse(row.notAfter) - Date.now()) / day) }),
  }));
  if (certificates.length === 0)
    return {
      check: ok(name, 'none of its own: browsers are shown a self-signed one, and ask their user'),
      certificates,
    };
  const checks = await Promise.all(certificates.map((found) => checkOf(found, patient)));
  const rank = { ok: 0, warn: 1, fail: 2 };
  const [worst = ok(name, '')] = checks.toSorted((a, b) => rank[b.state] - rank[a.state]);
  return { check: { ...worst, message: checks.map(({ message }) => message).join('; ') }, certificates };
}

async function configured({ config }: Patient): Promise<Row[]> {
  if (config === undefined) return [];
  const { tls } = config.config;
  const file = await readWebCertificate(tls).then(
    (current) => ({ current, problem: undefined }),
    (error: unknown) => ({ current: undefined, problem: reason(error) }),
  );
  // What is kept; nothing is ordered here.
  const acme = new AcmeCertificates(silentLog, () => undefined);
  await acme.load(tls.acme);
  return [...fileCertificateRows(file), ...acmeCertificateRows(acme)];
}

async function checkOf(found: CertificateFinding, patient: Patient): Promise<Check> {
  const { kind, names, notAfter, daysLeft = 0, state, error } = found;
  const text = `${kind}: ${names.join(', ')}`;
  if (state === 'refused') {
    const goesOn =
      patient.node === undefined ? 'no node starts with it' : 'the running node goes on with what it had';
    return fail(name, `${kind}: ${error}; ${goesOn}`, 'correct the files of tls.cert and tls.key');
  }
  if (state === 'ordering')
    return warn(
      name,
      `${text}: none issued yet${error === undefined ? '' : `: ${error}`}`,
      patient.node === undefined
        ? 'alknet up: a running node orders it'
        : 'alknet status shows what the authority says',
    );
  const until = `${text}, until ${notAfter}, ${daysLeft} days left${error === undefined ? '' : `: ${error}`}`;
  const renew = kind === 'file' ? 'put a newer one in the files of tls.cert and tls.key' : 'alknet status';
  if (state === 'expired') return fail(name, `${text} has expired at ${notAfter}`, renew);
  const other = await showsAnother(found, patient);
  if (other !== undefined)
    return warn(
      name,
      `${until}; the running node shows another one for ${other}`,
      'it follows changed files within a minute; if it does not, see its log',
    );
  return daysLeft < soon || error !== undefined ? warn(name, until, renew) : ok(name, until);
}

/** The name for which a node that runs here shows something else; a listener that is not reached tells nothing. */
async function showsAnother(
  { names, sha256 }: CertificateFinding,
  { node }: Patient,
): Promise<string | undefined> {
  const listener = node?.addresses.find(({ transport }) => transport === 'tls');
  const dns = names.find((each) => each.startsWith('DNS:'))?.slice('DNS:'.length);
  if (listener === undefined || dns === undefined) return undefined;
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[listener.address] ?? listener.address;
  const servername = dns.replace(/^\*\./, 'www.');
  const leaf = await leafShown({ host, port: listener.port, servername });
  if (leaf === undefined || createHash('sha256').update(leaf).digest('hex') === sha256) return undefined;
  return servername;
}

/** Milliseconds for the handshake. */
const patience = 3000;

function leafShown(place: {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
}): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      ...place,
      ALPNProtocols: ['h2', 'http/1.1'],
      // It is looked at, and nothing is sent.
      rejectUnauthorized: false,
      timeout: patience,
    });
    const over = (leaf?: Buffer) => {
      socket.destroy();
      resolve(leaf);
    };
    socket
      .once('secureConnect', () => over(socket.getPeerX509Certificate()?.raw))
      .once('timeout', () => over())
      .once('error', () => over());
  });
}

/**
 * The certificates for browsers and stock clients, as operators are told of them. `docs/spec/registry.md` 15.
 *
 * @module
 */

import type { AcmeCertificates } from '../acme/index.ts';
import type { WebCertificate } from '../identity/index.ts';
import type { NodeStatus } from '../operations/status.ts';
import type { WebCertificates } from './web-certificates.ts';

type Row = NodeStatus['certificates'][number];

/** None when `tls.cert` is not configured. */
export function fileCertificateRows({
  current,
  problem,
}: Pick<WebCertificates, 'current' | 'problem'>): Row[] {
  if (current !== undefined) return [certificateRow('file', current, problem)];
  return problem === undefined ? [] : [{ kind: 'file', names: [], state: 'refused', error: problem }];
}

/** None when `tls.acme` is not configured. */
export function acmeCertificateRows({
  current,
  domains,
  problem,
}: Pick<AcmeCertificates, 'current' | 'domains' | 'problem'>): Row[] {
  if (domains.length === 0) return [];
  if (current !== undefined) return [certificateRow('acme', current, problem)];
  const names = domains.map((name) => `DNS:${name}`);
  const row = { kind: 'acme' as const, names, state: 'ordering' };
  return [{ ...row, ...(problem === undefined ? {} : { error: problem }) }];
}

function certificateRow(kind: 'file' | 'acme', current: WebCertificate, problem: string | undefined): Row {
  return {
    kind,
    names: [...current.names],
    notBefore: current.notBefore.toISOString(),
    notAfter: current.notAfter.toISOString(),
    sha256: current.sha256,
    state: current.notAfter.getTime() < Date.now() ? 'expired' : 'in use',
    ...(problem === undefined ? {} : { error: problem }),
  };
}

/**
 * `tls.acme`. `docs/spec/identity.md` 7.3.
 *
 * @module
 */

import { isIP } from 'node:net';
import { Type } from '@alknet/sdk/typebox';
import { object, path } from './kinds.ts';
import type { Finding } from './problems.ts';

/** Short names of directories. */
export const directories: ReadonlyMap<string, string> = new Map([
  ['production', 'https://acme-v02.api.letsencrypt.org/directory'],
  ['staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
]);

export const acme = object(
  {
    domains: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      minItems: 1,
      maxItems: 100,
      description: 'DNS names that reach this node at port 443. One certificate covers them all.',
    }),
    directory: Type.String({
      default: 'production',
      maxLength: 2048,
      description: '"production" and "staging" are those of Let\'s Encrypt; else an https URL.',
    }),
    contact: Type.Array(Type.String({ pattern: '^mailto:[^\\s@,]+@[^\\s@,]+$', expects: 'mailto:ADDRESS' }), {
      default: [],
      maxItems: 10,
      description: 'Where the authority writes to, as mailto:ADDRESS.',
    }),
    cacheDir: Type.Optional(
      path({ description: 'Account key, certificate and its key. Default: acme in the data directory.' }),
    ),
  },
  { description: "Certificates by ACME. Having it is consent to the authority's terms." },
);

interface Checked {
  readonly listen: { readonly tls: unknown };
  readonly tls: { readonly acme?: { readonly domains: readonly string[]; readonly directory: string } };
}

/** What the schema cannot say; each message begins with the code `AcmeConfig`. */
export function* acmeFindings({ listen, tls }: Checked): Generator<Finding> {
  if (tls.acme === undefined) return;
  const { domains, directory } = tls.acme;
  for (const [index, name] of domains.entries()) {
    const problem = nameProblem(name);
    if (problem !== undefined)
      yield { path: ['tls', 'acme', 'domains', index], message: `AcmeConfig: ${problem}` };
  }
  if (!directories.has(directory) && !isHttpsUrl(directory)) {
    const expected = 'production, staging or an https URL';
    yield {
      path: ['tls', 'acme', 'directory'],
      message: `AcmeConfig: expected ${expected}, found ${JSON.stringify(directory)}`,
      expected,
    };
  }
  if (listen.tls === false) {
    yield {
      path: ['tls', 'acme'],
      message: 'AcmeConfig: the authority looks for this node by TLS over TCP, and listen.tls is false',
    };
  }
}

function nameProblem(name: string): string | undefined {
  if (name.includes('*'))
    return `${JSON.stringify(name)} is a wildcard, which TLS-ALPN-01 cannot prove; write each name`;
  if (isIP(name) !== 0) return `${name} is an IP address; expected a DNS name`;
  const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
  if (new RegExp(`^${label}(\\.${label})+$`).test(name)) return undefined;
  return `expected a DNS name such as node.example.org, found ${JSON.stringify(name)}`;
}

function isHttpsUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

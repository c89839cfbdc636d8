/**
 * One order of a certificate, from account to PEM, proven by TLS-ALPN-01. RFC 8555 7, RFC 8737.
 *
 * @module
 */

import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Authorization } from 'acme-client';
import { problemText, withAuthority } from './connection.ts';

export interface OrderOptions {
  readonly directory: string;
  readonly contact: readonly string[];
  /** DNS names in lower case. */
  readonly domains: readonly string[];
  /** PEM. */
  readonly accountKey: string;
  /** PEM bundle beside the usual roots. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  /** To be shown from now on to who asks for this name by `acme-tls/1`. */
  present(name: string, keyAuthorization: string): void;
}

/** PEM both; the chain leaf first. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** Milliseconds between two looks at an order, growing to the second. */
const looks = [250, 5000] as const;
/** Milliseconds that the authority may take for one step. */
const patience = 300_000;

/** @throws Error with the text of the authority's problem, AuthorityBusy, or what the network says */
export function orderCertificate(options: OrderOptions): Promise<Issued> {
  const { domains, signal } = options;
  return withAuthority(options, async ({ Client, crypto }) => {
    const client = new Client({ directoryUrl: options.directory, accountKey: options.accountKey });
    await client.createAccount({ termsOfServiceAgreed: true, contact: [...options.contact] });
    const order = await client.createOrder({
      identifiers: domains.map((value) => ({ type: 'dns', value })),
    });
    const authorizations = await client.getAuthorizations(order);
    const challenges = authorizations
      .filter(({ status }) => status !== 'valid')
      .map((authorization) => [authorization.identifier.value, challengeOf(authorization)] as const);
    for (const [name, challenge] of challenges)
      options.present(name, await client.getChallengeKeyAuthorization(challenge));
    for (const [, challenge] of challenges)
      if (challenge.status === 'pending') await client.completeChallenge(challenge);
    await until(signal, 'the challenges', async () => {
      const now = await client.getAuthorizations(order);
      for (const each of now) refuseInvalid(each);
      return now.every(({ status }) => status === 'valid') ? true : undefined;
    });
    const ready = await until(signal, 'the order', async () => {
      const now = await client.getOrder(order);
      return now.status === 'pending' ? undefined : now;
    });
    const key = newKey();
    const [, csr] = await crypto.createCsr({ altNames: [...domains] }, key);
    if (ready.status === 'ready') await client.finalizeOrder(ready, csr);
    const valid = await until(signal, 'the certificate', async () => {
      const now = await client.getOrder(order);
      if (now.status === 'invalid') throw new Error(`the order was refused: ${problemText(now.error)}`);
      return now.status === 'valid' ? now : undefined;
    });
    return { cert: await client.getCertificate(valid), key };
  });
}

/** ECDSA P-256, PKCS #8 in PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function challengeOf({ identifier, challenges }: Authorization): Authorization['challenges'][number] {
  // The library's types do not know it; the library does.
  const type: string = 'tls-alpn-01';
  const challenge = challenges.find((each) => each.type === type);
  if (challenge === undefined)
    throw new Error(`${identifier.value}: the authority offers no challenge ${type}`);
  return challenge;
}

function refuseInvalid({ identifier, status, challenges }: Authorization): void {
  if (status === 'pending' || status === 'valid') return;
  const failed = challenges.find(({ error }) => error !== undefined);
  throw new Error(`${identifier.value}: the authorization is ${status}: ${problemText(failed?.error)}`);
}

async function until<Found>(
  signal: AbortSignal,
  what: string,
  look: () => Promise<Found | undefined>,
): Promise<Found> {
  const begun = performance.now();
  for (let [wait, most] = looks as readonly [number, number]; ; wait = Math.min(2 * wait, most)) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - begun > patience)
      throw new Error(`the authority has not decided about ${what} within ${patience / 60_000} minutes`);
    await pause(wait, undefined, { signal, ref: false });
  }
}

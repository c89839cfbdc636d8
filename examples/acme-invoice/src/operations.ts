/**
 * `issue` is all that callers see. It is composed of internal operations, each with its own schemas and checks, and of the
 * clock of another plugin if the operator lets it reach that.
 */

import { createHmac } from 'node:crypto';
import {
  CallError,
  clientOf,
  defineOperation,
  type OperationEnv,
  type Static,
  type Store,
  Type,
} from '@alknet/sdk';

/** As in `requests`: what the operator is asked to grant. */
const key = 'acme-invoice-key';
const numberKey = 'last-number';

let store: Store;

/** Called by `start()`, before the first call. */
export function useStore(given: Store): void {
  store = given;
}

const Invoice = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    customer: Type.String(),
    cents: Type.Integer(),
    issuedAt: Type.String({ format: 'date-time' }),
    issuedBy: Type.String(),
  },
  { additionalProperties: false },
);

const nextNumber = defineOperation({
  name: 'acme-invoice/next-number',
  type: 'mutation',
  visibility: 'internal',
  // The scope of this plugin's own authority: `requests.scopes`.
  access: { scopes: ['acme-invoice:own'] },
  input: Type.Object({}),
  output: Type.Integer({ minimum: 1 }),
  async handler() {
    for (;;) {
      const last = await store.get(numberKey);
      const next = last === undefined ? 1 : Number(new TextDecoder().decode(last.value)) + 1;
      try {
        await store.put(numberKey, new TextEncoder().encode(String(next)), {
          ifRevision: last?.revision ?? 0,
        });
        return next;
      } catch (error) {
        // Two at once want the same number: the later one takes the next.
        if ((error as { code?: unknown }).code !== 'STORE_CONFLICT') throw error;
      }
    }
  },
});

const seal = defineOperation({
  name: 'acme-invoice/seal',
  type: 'query',
  visibility: 'internal',
  access: { scopes: ['acme-invoice:own'] },
  input: Invoice,
  output: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  // A missing grant is a clear refusal, and never an invoice with a seal of nothing.
  errors: [{ code: 'NO_KEY', description: `The secret ${key} is not granted.`, httpStatus: 503 }],
  handler: (invoice, { capabilities }) => sealOf(invoice, capabilities.get(key)),
});

function sealOf(invoice: Static<typeof Invoice>, secret: string | undefined): string {
  if (secret === undefined) throw new CallError('NO_KEY', `the secret ${key} is not granted to acme-invoice`);
  return createHmac('sha256', secret).update(JSON.stringify(invoice)).digest('hex');
}

const issue = defineOperation({
  name: 'acme-invoice/issue',
  type: 'mutation',
  access: { scopes: ['acme-invoice:issue'] },
  description: 'Issues a numbered and sealed invoice.',
  input: Type.Object(
    { customer: Type.String({ minLength: 1, maxLength: 200 }), cents: Type.Integer({ minimum: 1 }) },
    { additionalProperties: false },
  ),
  output: Type.Object({ invoice: Invoice, seal: Type.String() }),
  errors: [{ code: 'NO_KEY', description: 'The node has no key for seals.', httpStatus: 503 }],
  handler: async ({ customer, cents }, { env, caller, capabilities }) => {
    // Before a number is spent on it.
    if (!capabilities.has(key))
      throw new CallError('NO_KEY', `the secret ${key} is not granted to acme-invoice`);
    const own = clientOf(env, [nextNumber, seal]);
    const issuedAt = await timeOf(env);
    const number = await own.call('acme-invoice/next-number', {});
    const invoice = { number, customer, cents, issuedAt, issuedBy: caller?.id ?? 'nobody' };
    return { invoice, seal: await own.call('acme-invoice/seal', invoice) };
  },
});

/** What this plugin knows of another one: a name, and what it expects to get. With its package, its type would do. */
const clockNow = {
  name: 'acme-clock/now',
  type: 'query',
  access: 'public',
  input: Type.Object({}),
  output: Type.Object({ iso: Type.String() }),
} as const;

async function timeOf(env: OperationEnv): Promise<string> {
  if (!env.can('acme-clock/now')) return new Date().toISOString();
  const { iso } = await clientOf<{ operations: readonly [typeof clockNow] }>(env).call('acme-clock/now', {});
  return iso;
}

export const operations = [issue, nextNumber, seal] as const;

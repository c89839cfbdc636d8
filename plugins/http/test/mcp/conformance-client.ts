/** What the conformance suite starts for its scenarios of clients: imports the tools of the server and calls each. */

import { test } from 'node:test';
import { fromMCP } from '../../src/adapters/mcp/from-mcp.ts';
import { client, published } from '../adapters/harness.ts';

const endpoint = process.argv.at(-1);

test(`fromMCP ${endpoint}`, async (t) => {
  const adapter = fromMCP({ namespace: 'suite', endpoint, visibility: 'external', client: client(t) });
  t.after(() => adapter.close());
  const { names, call } = await published(t, adapter, 'suite');
  // The one tool of the suite that takes arguments adds two numbers.
  for (const name of names) await call(name.slice('suite/'.length), { a: 5, b: 3 });
});

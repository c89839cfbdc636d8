/** Invoices with numbers and seals: operations composed of others, and a secret that no caller ever sees. */

import { definePlugin } from '@alknet/sdk';
import { operations, useStore } from './operations.ts';

export default definePlugin({
  name: 'acme-invoice',
  version: '0.1.0',
  requests: {
    // What its handlers may compose, as whom, and with which secret. The operator grants it, or part of it.
    operations: ['acme-invoice/*', 'acme-clock/now'],
    scopes: ['acme-invoice:own'],
    secrets: ['acme-invoice-key'],
  },
  operations,
  start(host) {
    useStore(host.store);
    return {};
  },
});

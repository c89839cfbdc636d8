/**
 * The echo over HTTP: by a whole alknet node, by its gateway or its direct mapping, and by Fastify and Hono alone.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { startNode } from '@alknet/host';
import type { message } from '../message.ts';
import type { HttpStack, ServeOptions, Server } from '../stack.ts';
import { echoPlugin, makeNode } from './node.ts';

/** What a validating server says of {@link message}; the plugin of the node has the same. */
const schema = {
  type: 'object',
  required: ['text', 'number', 'flag', 'tags'],
  properties: {
    text: { type: 'string', maxLength: 1000 },
    number: { type: 'number' },
    flag: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string', maxLength: 100 }, maxItems: 10 },
  },
} as const;

export function serve(stack: HttpStack, options: ServeOptions): Promise<Server> {
  if (stack.startsWith('fastify')) return fastify(stack === 'fastify2', options);
  if (stack.startsWith('hono')) return hono(stack === 'hono2', options);
  return alknet(stack, options);
}

async function alknet(stack: HttpStack, { certificate }: ServeOptions): Promise<Server> {
  const made = await makeNode();
  const folder = dirname(made.configPath);
  const tls = { cert: join(folder, 'web.pem'), key: join(folder, 'web.key') };
  await writeFile(tls.cert, certificate.cert);
  await writeFile(tls.key, certificate.key, { mode: 0o600 });
  const token = made.token('bench');
  await made.configure({
    listen: { quic: false, tls: { addresses: ['127.0.0.1:0'] } },
    tls,
    plugins: { http: true, bench: echoPlugin('inline') },
  });
  const node = await startNode({ configPath: made.configPath });
  return {
    address: {
      ...made.address(node, 0),
      ca: certificate.cert,
      path: stack.startsWith('direct') ? '/bench/echo' : '/call',
      token,
    },
    stop: async () => {
      await node.stop();
      await made.remove();
    },
  };
}

/** As far as both of Fastify's servers are the same. */
interface FastifyApp {
  readonly server: { address(): AddressInfo | string | null };
  listen(options: { host: string; port: number }): Promise<string>;
  close(): PromiseLike<undefined>;
}

async function fastify(http2: boolean, { certificate }: ServeOptions): Promise<Server> {
  const { default: make } = await import('fastify');
  const checked = { schema: { body: schema, response: { 200: schema } } };
  const started = async (app: FastifyApp): Promise<Server> => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    return { address: of(port, certificate.cert), stop: async () => void (await app.close()) };
  };
  if (http2) {
    const app = make({ http2: true, https: certificate });
    app.post('/echo', checked, async ({ body }) => body);
    return started(app);
  }
  const app = make({ https: certificate });
  app.post('/echo', checked, async ({ body }) => body);
  return started(app);
}

/** Connections stay while the other contenders have their turn; Node's own would end after 5 s. */
const patient = { keepAliveTimeout: 60_000 };

async function hono(http2: boolean, { certificate }: ServeOptions): Promise<Server> {
  const [{ Hono }, { createAdaptorServer }] = await Promise.all([
    import('hono'),
    import('@hono/node-server'),
  ]);
  const app = new Hono();
  app.post('/echo', async (context) => context.json((await context.req.json()) as typeof message));
  const { fetch } = app;
  const server = http2
    ? createAdaptorServer({ fetch, serverOptions: certificate, createServer: createSecureServer })
    : createAdaptorServer({ fetch, serverOptions: { ...certificate, ...patient }, createServer });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: of(port, certificate.cert),
    async stop() {
      server.close();
    },
  };
}

function of(port: number, ca: string) {
  return { host: '127.0.0.1', port, ca, path: '/echo', udpPayload: 0 };
}

/**
 * The same repositories over HTTP, as `git clone https://…` asks for them: gitprotocol-http(5). `docs/spec/git.md` 7.
 *
 * @module
 */

import { PassThrough, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { HttpRoute, HttpRouteContext } from '@alknet/sdk';
import { flushPacket, pktLine } from '../core/pkt-line.ts';
import { isService, protocolOfList, type Service } from '../core/request-line.ts';
import { runningNode } from '../operations/current.ts';
import { type RefusalKind, ServiceRefusal } from '../service/refusal.ts';
import type { Run } from '../service/runs.ts';
import type { ServiceDesk } from '../service/service-desk.ts';

const prefix = '/git/';

const statusOf: Readonly<Record<RefusalKind, number>> = {
  'not found': 404,
  'not permitted': 403,
  disabled: 403,
  busy: 503,
  'unknown service': 404,
};

/** The one route; what is no request of git below the prefix is 404, dumb HTTP included. */
export const gitRoute: HttpRoute = {
  method: ['GET', 'POST'],
  path: `${prefix}*`,
  auth: 'basic',
  body: 'stream',
  handler: async (request, context) => {
    const node = runningNode();
    // Between two instances, or without one: as if the route were not there.
    if (node === undefined) return undefined;
    return await serveHttp(request, context, node.desk);
  },
};

interface Asked {
  readonly service: Service;
  readonly path: string;
  readonly mode: 'advertise' | 'exchange';
}

async function serveHttp(request: Request, context: HttpRouteContext, desk: ServiceDesk): Promise<Response> {
  const asked = whatIsAsked(request);
  if (asked === undefined) return text(404, 'not found');
  if (context.identity === null)
    return text(401, 'authentication required', { 'www-authenticate': 'Basic realm="alknet git"' });
  const { service, path, mode } = asked;
  if (mode === 'exchange' && request.headers.get('content-type') !== `application/x-${service}-request`)
    return text(415, `expected content-type application/x-${service}-request`);
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'x-gzip')
    return text(415, `expected content-encoding gzip or none, found ${encoding.slice(0, 40)}`);
  const protocol = protocolOfList(request.headers.get('git-protocol'));
  const gone = new AbortController();
  const leave = () => gone.abort();
  context.signal.addEventListener('abort', leave, { once: true });
  let run: Run;
  try {
    const { identity } = context;
    const more = { protocol, identity, via: 'http', stateless: mode, signal: gone.signal } as const;
    run = await desk.open({ service, path, ...more });
  } catch (error) {
    if (!(error instanceof ServiceRefusal)) throw error;
    return text(statusOf[error.kind], error.message, error.kind === 'busy' ? { 'retry-after': '1' } : {});
  }
  void run.ended.then(() => context.signal.removeEventListener('abort', leave));
  if (mode === 'exchange') send(request, encoding !== 'identity', run, leave);
  else run.stdin.end();
  const kind = mode === 'advertise' ? 'advertisement' : 'result';
  const banner =
    mode === 'advertise' && protocol?.includes('version=2') !== true
      ? Buffer.concat([pktLine(`# service=${service}\n`), flushPacket])
      : undefined;
  return new Response(bodyOf(run, banner, leave), {
    headers: { 'content-type': `application/x-${service}-${kind}`, 'cache-control': 'no-cache' },
  });
}

function whatIsAsked({ method, url }: Request): Asked | undefined {
  const { pathname, searchParams } = new URL(url);
  if (!pathname.startsWith(prefix)) return undefined;
  const [, path = '', what] =
    /^(.+?)\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(pathname.slice(prefix.length)) ?? [];
  if (what === undefined) return undefined;
  const service = what === 'info/refs' ? (searchParams.get('service') ?? '') : what;
  // An archive has no form over HTTP.
  if (!isService(service) || service === 'git-upload-archive') return undefined;
  const mode = what === 'info/refs' ? 'advertise' : 'exchange';
  return method === (mode === 'advertise' ? 'GET' : 'POST') ? { service, path, mode } : undefined;
}

/** The body of the request to git, unpacked if need be. */
function send(request: Request, packed: boolean, { stdin }: Run, leave: () => void): void {
  const body = request.body === null ? Readable.from([]) : Readable.from(request.body);
  const plain = body.pipe(packed ? createGunzip() : new PassThrough());
  body.on('error', leave);
  // A body that is no gzip: git sees what came until then, and its end.
  plain.on('error', leave);
  plain.pipe(stdin);
  // git may have heard enough.
  stdin.once('close', () => {
    plain.unpipe(stdin);
    plain.resume();
  });
}

/** What git says, as fast as it is read. */
function bodyOf({ stdout, ended }: Run, banner: Uint8Array | undefined, leave: () => void) {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (banner !== undefined) controller.enqueue(banner);
        stdout.on('data', (chunk: Buffer) => {
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) stdout.pause();
        });
        stdout.pause();
        void ended.then(({ code, stopped }) => {
          try {
            // Whatever git said of a failure stands in what it sent.
            if (code !== null && stopped === undefined) controller.close();
            else controller.error(new Error(stopped ?? 'git was ended'));
          } catch {
            // The client has left.
          }
        });
      },
      pull: () => void stdout.resume(),
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 256 * 1024 }),
  );
}

function text(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache', ...headers },
  });
}

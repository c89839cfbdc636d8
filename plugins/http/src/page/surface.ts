/**
 * The page of an operator at `/`: static files, the same for everybody. Whoever loads them has shown nothing yet; what the
 * page shows it asks for over a call session, with the token of its user. `docs/spec/http.md` 15.4.
 *
 * @module
 */

import type { HttpConfig } from '../config.ts';
import type { Handler } from '../request-context.ts';
import type { MakeSurface } from '../surface.ts';
import { type Asset, assetPaths, readAssets } from './assets.ts';

/** What is sent along with each file but its type. */
function securityFields(authority: string): Record<string, string> {
  // What a client names as the host is its own choice, and a `;` would begin another directive.
  const session = /^[a-z0-9.:[\]-]+$/i.test(authority) ? ` wss://${authority}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    // Not every browser takes the WebSocket of a page's own origin for 'self'.
    `connect-src 'self'${session}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
  };
}

/** It needs the sessions that it speaks through, and a node that hides has no page. */
const isOn = ({ page, websocket, stealth }: HttpConfig) => page && websocket && stealth === 'off';

export const pageSurface: MakeSurface = ({ host }) => {
  let assets: ReadonlyMap<string, Asset> | undefined;

  const handler: Handler = (request) => {
    const { pathname, host: authority } = new URL(request.url);
    try {
      assets ??= readAssets();
    } catch (error) {
      host.log.error('page is not built', { error });
      return new Response('The page is not built: run npm run build.\n', { status: 503 });
    }
    const asset = assets.get(pathname);
    if (asset === undefined) throw new Error(`no file of the page at ${pathname}`);
    const headers = {
      ...securityFields(authority),
      // Asked for again each time: a node that was updated has another page.
      'Cache-Control': 'no-cache',
      ETag: asset.etag,
      Vary: 'Accept-Encoding',
    };
    if (request.headers.get('if-none-match')?.includes(asset.etag) === true)
      return new Response(null, { status: 304, headers });
    const accepted = request.headers.get('accept-encoding') ?? '';
    const coding =
      ['br', 'gzip'].find((name) => new RegExp(`\\b${name}\\b(?!;q=0)`).test(accepted)) ?? 'identity';
    return new Response(asset.coded.get(coding), {
      headers: {
        ...headers,
        'Content-Type': asset.type,
        ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }),
      },
    });
  };

  return {
    routes: assetPaths.map((path) => ({
      path,
      methods: ['GET'],
      surface: 'page',
      isOn,
      noStore: false,
      handler,
    })),
  };
};

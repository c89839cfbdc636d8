/**
 * What a web server that has nothing here says, byte for byte. `docs/spec/http.md` 11.
 *
 * @module
 */

import type { Answer } from '../server/message.ts';

const page = [
  '<html>',
  '<head><title>404 Not Found</title></head>',
  '<body>',
  '<center><h1>404 Not Found</h1></center>',
  '<hr><center>nginx</center>',
  '</body>',
  '</html>',
  '',
].join('\r\n');

export function notFoundPage(): Answer {
  return {
    status: 404,
    headers: { Server: 'nginx', 'Content-Type': 'text/html; charset=utf-8' },
    body: page,
  };
}

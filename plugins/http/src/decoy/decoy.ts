/**
 * What answers everything that nothing else takes: a web server that is no alknet node. `docs/spec/http.md` 11.
 *
 * @module
 */

import type { Decoy } from '../config.ts';
import type { Answer, HttpRequest } from '../server/message.ts';
import type { ParsedTarget } from '../server/path.ts';
import { notFoundPage } from './not-found.ts';
import { staticFile } from './static-files.ts';

export async function decoyAnswer(
  decoy: Decoy,
  { method }: HttpRequest,
  { segments }: ParsedTarget,
): Promise<Answer> {
  if (decoy.kind === 'redirect') return { status: 302, headers: { Server: 'nginx', Location: decoy.to } };
  if (decoy.kind === 'static' && segments !== undefined && (method === 'GET' || method === 'HEAD'))
    return (await staticFile(decoy.root, segments)) ?? notFoundPage();
  return notFoundPage();
}

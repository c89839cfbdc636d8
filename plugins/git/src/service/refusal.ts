/**
 * Why a service run does not begin. `docs/spec/git.md` 2.
 *
 * @module
 */

export type RefusalKind = 'not found' | 'not permitted' | 'disabled' | 'busy' | 'unknown service';

/** `message` is what the client is told. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal';
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export const notFound = (path: string) =>
  new ServiceRefusal('not found', `repository not found: ${shown(path)}`);
/** `why`: what the scopes do not tell. */
export const notPermitted = (name: string, why?: string) =>
  new ServiceRefusal('not permitted', `push not permitted: ${name}${why === undefined ? '' : `: ${why}`}`);
export const pushDisabled = () => new ServiceRefusal('disabled', 'push disabled');
export const busy = () => new ServiceRefusal('busy', 'busy, try again');
export const unknownService = () => new ServiceRefusal('unknown service', 'unknown service');

/** What a client wrote, without what could move the cursor of a terminal. */
function shown(path: string): string {
  const text = path
    .replace(/^\/+/, '')
    .replace(/\/$/, '')
    .replace(/\.git$/, '');
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, 255);
}

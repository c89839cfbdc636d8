/**
 * Names of operations, services and ALPNs, and the patterns that reach them. `docs/spec/registry.md` 3 and 4. Pure.
 *
 * @module
 */

const maxNameBytes = 255;
const localName = /^[a-z][a-zA-Z0-9-]*(?:\/[a-z][a-zA-Z0-9-]*){1,5}$/;
const importedName = /^[a-z][a-zA-Z0-9-]*(?:\/[A-Za-z0-9._-]{1,128}){1,7}$/;
const pluginName = /^[a-z][a-zA-Z0-9-]{0,39}$/;
const alpnName = /^[\x21-\x7e]{1,64}$/;
const scopeWord = /^[\x21-\x7e]{1,128}$/;

/** Services that belong to nobody. */
export const reservedServices: readonly string[] = ['vault', 'local', 'peer', 'session'];
/** Services that belong to the host. */
export const hostServices: readonly string[] = ['host', 'services'];

/** A name of a plugin's own operation: 2 to 6 segments. */
export function isOperationName(name: string): boolean {
  return name.length <= maxNameBytes && localName.test(name);
}

/** A name of an imported operation: its further segments are the remote's. */
export function isImportedName(name: string): boolean {
  if (name.length > maxNameBytes || !importedName.test(name)) return false;
  return name.split('/').every((segment) => segment !== '.' && segment !== '..');
}

export function isPluginName(name: string): boolean {
  return pluginName.test(name);
}

export function isAlpn(name: string): boolean {
  return alpnName.test(name);
}

export function isScope(word: string): boolean {
  return scopeWord.test(word);
}

/** The first segment. */
export function serviceOf(name: string): string {
  const slash = name.indexOf('/');
  return slash === -1 ? name : name.slice(0, slash);
}

/** Whether an operation of that name may be a plugin's own: its service is the plugin's name, or that and `-more`. */
export function ownsName(plugin: string, name: string): boolean {
  const service = serviceOf(name);
  return service === plugin || service.startsWith(`${plugin}-`);
}

// ── reach patterns ───────────────────────────────────────────────────────────────────────────────────────────────

export interface ReachPattern {
  /** `undefined`: this node; `*`: any connected peer, when one is named. */
  readonly peer: string | undefined;
  /** A name, or a prefix that ends in `/`, or `` for all. */
  readonly name: string;
  readonly prefix: boolean;
}

const patternText =
  /^(?:@([A-Za-z0-9._-]{1,64}|\*):)?(\*|[a-z][a-zA-Z0-9-]*(?:\/[A-Za-z0-9._-]+)*(?:\/\*)?)$/;

/** `undefined` when the text is no pattern. */
export function parsePattern(text: string): ReachPattern | undefined {
  const match = patternText.exec(text);
  if (match === null) return undefined;
  const [, peer, name = ''] = match;
  if (name === '*') return { peer, name: '', prefix: true };
  if (name.endsWith('/*')) return { peer, name: name.slice(0, -1), prefix: true };
  return { peer, name, prefix: false };
}

export function patternReaches(pattern: ReachPattern, name: string, peer?: string): boolean {
  if (peer === undefined ? pattern.peer !== undefined : pattern.peer !== '*' && pattern.peer !== peer)
    return false;
  return pattern.prefix ? name.startsWith(pattern.name) : pattern.name === name;
}

/** What both patterns reach, as a pattern; `undefined` when that is nothing. */
export function intersectPatterns(a: ReachPattern, b: ReachPattern): ReachPattern | undefined {
  if ((a.peer === undefined) !== (b.peer === undefined)) return undefined;
  const peer = a.peer === '*' ? b.peer : b.peer === '*' || a.peer === b.peer ? a.peer : null;
  if (peer === null) return undefined;
  if (a.prefix && b.name.startsWith(a.name)) return { peer, name: b.name, prefix: b.prefix };
  if (b.prefix && a.name.startsWith(b.name)) return { peer, name: a.name, prefix: a.prefix };
  return !a.prefix && !b.prefix && a.name === b.name ? { peer, name: a.name, prefix: false } : undefined;
}

export function patternToText({ peer, name, prefix }: ReachPattern): string {
  return `${peer === undefined ? '' : `@${peer}:`}${name}${prefix ? '*' : ''}`;
}

/** All patterns of one list cut by all of another, as texts; malformed ones reach nothing. */
export function intersectReach(a: readonly string[], b: readonly string[]): string[] {
  const found = new Set<string>();
  for (const left of a) {
    for (const right of b) {
      const first = parsePattern(left);
      const second = parsePattern(right);
      const both = first && second && intersectPatterns(first, second);
      if (both !== undefined) found.add(patternToText(both));
    }
  }
  return [...found];
}

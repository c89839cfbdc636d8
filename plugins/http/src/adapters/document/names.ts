/**
 * Names of imported operations, without their namespace. `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

export interface NamedRequest {
  readonly method: string;
  /** As the document writes it, with `{parameter}`. */
  readonly path: string;
  readonly operationId: string | undefined;
}

const parameterOf = /\{([^{}]*)\}/g;

/** One name for each request, all different, in their order. */
export function operationNames(requests: readonly NamedRequest[]): string[] {
  const own = requests.map(({ operationId }) =>
    operationId === undefined ? undefined : cleaned(operationId),
  );
  const plain = requests.map((request, i) => own[i] ?? generated(request));
  const times = new Map<string, number>();
  for (const name of plain) times.set(name, (times.get(name) ?? 0) + 1);
  const told = requests.map((request, i) => {
    const name = plain[i] ?? '';
    if (own[i] !== undefined || times.get(name) === 1) return name;
    const parameters = [...request.path.matchAll(parameterOf)].map(([, parameter = '']) => parameter);
    return parameters.length === 0 ? name : cleaned(`${name}_by_${parameters.join('_')}`);
  });
  return distinct(told);
}

function generated({ method, path }: NamedRequest): string {
  const [bare = ''] = path.split(/[?#]/);
  const literal = bare.split('/').filter((segment) => segment !== '' && !segment.includes('{'));
  return cleaned(`${method.toLowerCase()}_${literal.length === 0 ? 'root' : literal.join('_')}`);
}

/** Characters and segments that no name may have become `_`. */
export function cleaned(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9._/-]/g, '_')
    .split('/')
    .map((segment) => (segment === '' || segment === '.' || segment === '..' ? '_' : segment))
    .join('/');
}

/** The first of each stays; the others get the next free number. */
export function distinct(names: readonly string[]): string[] {
  const taken = new Set(names);
  const given = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    if (!given.has(name)) {
      given.add(name);
      return name;
    }
    let number = next.get(name) ?? 2;
    while (taken.has(`${name}_${number}`)) number++;
    next.set(name, number + 1);
    const numbered = `${name}_${number}`;
    taken.add(numbered);
    given.add(numbered);
    return numbered;
  });
}

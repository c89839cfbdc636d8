/**
 * Which operations of a remote stand here, and under which names: pure. `docs/spec/registry.md` 13.2 and 13.4.
 *
 * @module
 */

import { type Access, AdapterError, type OperationSpec, parsePattern, patternReaches } from '@alknet/sdk';

export interface ImportRules {
  readonly prefix: string;
  /** Patterns on remote names. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** One entry of `export`. */
export interface ExportRule {
  /** Patterns on local names. */
  readonly operations: readonly string[];
  readonly as: string | undefined;
  readonly access: Access;
  readonly timeoutMs?: number | undefined;
  readonly description?: string | undefined;
}

/** An operation to register; its handler forwards to `remote`. */
export interface LocalOperation {
  readonly spec: OperationSpec;
  readonly remote: string;
  /** The import that it exports. */
  readonly exports?: string;
}

/** @throws AdapterError `Collision` */
export function importSet(
  offered: readonly OperationSpec[],
  rules: ImportRules,
  exported: readonly ExportRule[],
): LocalOperation[] {
  const set = new Map<string, LocalOperation>();
  const add = (entry: LocalOperation) => {
    const { name } = entry.spec;
    if (set.has(name)) throw new AdapterError('Collision', `two operations would be named ${name} here`);
    set.set(name, entry);
  };
  const outside: LocalOperation[] = [];
  for (const remote of offered) {
    if (!matches(rules.include, remote.name) || matches(rules.exclude, remote.name)) continue;
    const local: OperationSpec = {
      ...remote,
      name: rules.prefix + remote.name,
      visibility: 'internal',
      // Reach and export decide who gets there; the remote checks this node.
      access: 'public',
    };
    const exports = exported
      .flatMap((rule) => exportsOf(local, rule))
      .map((spec) => ({ spec, remote: remote.name, exports: local.name }));
    // Under its own name the export stands in the place of the import.
    const own = exports.find(({ spec }) => spec.name === local.name);
    add(own ?? { spec: local, remote: remote.name });
    outside.push(...exports.filter((entry) => entry !== own));
  }
  for (const entry of outside) add(entry);
  return [...set.values()];
}

function exportsOf(local: OperationSpec, rule: ExportRule): OperationSpec[] {
  const pattern = rule.operations.find((text) => matches([text], local.name));
  if (pattern === undefined) return [];
  return [
    {
      ...local,
      name: exportedName(local.name, pattern, rule.as),
      visibility: 'external',
      access: rule.access,
      ...(rule.timeoutMs === undefined || local.type === 'subscription' ? {} : { timeoutMs: rule.timeoutMs }),
      ...(rule.description === undefined ? {} : { description: rule.description }),
    },
  ];
}

/** `as` renames one name, or puts a prefix in the place of that of a pattern `p/*`. */
function exportedName(name: string, pattern: string, as: string | undefined): string {
  if (as === undefined) return name;
  if (!pattern.endsWith('*')) return as;
  const prefix = pattern.slice(0, -1);
  return `${as.endsWith('/') ? as : `${as}/`}${name.slice(prefix.length)}`;
}

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((text) => {
    const pattern = parsePattern(text);
    return pattern !== undefined && patternReaches(pattern, name);
  });
}

/**
 * One look at the types for each plugin that has any.
 *
 * @module
 */

import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PluginRow, SourceProblem } from '../../plugins/index.ts';
import { TypeCheck } from './type-check.ts';

export class TypeChecks {
  readonly #directory: string;
  readonly #report: (plugin: string, problems: readonly SourceProblem[], before: number) => void;
  readonly #checks = new Map<string, TypeCheck | undefined>();

  /** `directory`: for what it learns. */
  constructor(
    directory: string,
    report: (plugin: string, problems: readonly SourceProblem[], before: number) => void,
  ) {
    this.#directory = directory;
    this.#report = report;
  }

  /** Begins with those that it has not seen yet; from there on each follows its own files. */
  follow(rows: readonly PluginRow[]): void {
    for (const { name, instance } of rows) {
      if (instance === undefined || instance.builtIn || this.#checks.has(name)) continue;
      const { root } = instance.loaded;
      const stats = statSync(root, { throwIfNoEntry: false });
      let before = 0;
      const check = TypeCheck.of({
        directory: stats?.isDirectory() === true ? root : dirname(root),
        buildInfo: join(this.#directory, `${name}.tsbuildinfo`),
        report: (problems) => {
          this.#report(name, problems, before);
          before = problems.length;
        },
      });
      this.#checks.set(name, check);
      check?.run();
    }
  }

  close(): void {
    for (const check of this.#checks.values()) check?.close();
  }
}

/**
 * Tells what happens in `alknet dev`: lines for people, or one JSON object a line. `docs/spec/cli.md` 3 and 6.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { textLine } from '../../log/text-format.ts';
import { pluginEntry } from '../../operations/plugin-entry.ts';
import {
  codeFrame,
  type PluginEvent,
  type PluginRow,
  type Save,
  type SourceProblem,
} from '../../plugins/index.ts';
import type { Output } from '../output.ts';
import { examples } from './examples.ts';
import { type Overview, overview, type Paint, problemText, shortPath } from './screen.ts';

/** Lines of the node's log that say what is told here in another form. */
const told = new Set([
  'plugin started',
  'plugin reloaded',
  'plugin failed',
  'plugin not reloaded, the old one goes on',
  'plugin kept its configuration',
  'plugin disabled',
  'plugin lacks a grant',
]);

export class DevReport {
  readonly #out: Output;
  readonly #paint: Paint;

  constructor(out: Output, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
  }

  ready(view: Overview): void {
    const { id, addresses, web, dataDir, configPath, token, rows } = view;
    this.#say(
      {
        event: 'ready',
        id,
        addresses,
        ...(web === undefined ? {} : { web }),
        dataDir,
        configPath,
        token,
        plugins: rows.map(pluginEntry),
        examples: examples(rows, dataDir),
      },
      () => overview(view, this.#paint),
    );
  }

  plugin(event: PluginEvent, row: PluginRow | undefined): void {
    const { green, red, dim, bold } = this.#paint;
    const name = bold(event.plugin);
    const facts = { event: event.kind, plugin: event.plugin };
    if (event.kind === 'disabled') return this.#say(facts, () => this.#line(`${name} disabled`));
    const by = savedBy(event.save);
    if ('error' in event) {
      const { problems } = event.error;
      const outcome =
        event.kind === 'kept'
          ? `${red('not taken')}: the last good version goes on`
          : `${red('failed')}: save a correction and it will run`;
      return this.#say({ ...facts, ...by, problems: problems.map(withFrame) }, () =>
        [this.#line(`${name} ${outcome}`), ...this.#problems(problems)].join('\n'),
      );
    }
    const after = by.milliseconds === undefined ? '' : ` in ${by.milliseconds} ms`;
    const files =
      by.files === undefined ? '' : dim(` (${by.files.map((file) => shortPath(file)).join(', ')})`);
    const { version } = event.instance;
    this.#say({ ...facts, ...by, version, ...(row === undefined ? {} : { is: pluginEntry(row) }) }, () =>
      this.#line(`${name} ${version} ${green(event.kind)}${after}${files}`),
    );
  }

  types(plugin: string, problems: readonly SourceProblem[], before: number): void {
    const { bold, red, green } = this.#paint;
    if (problems.length === 0) {
      // Without errors before there is nothing that a person must know.
      const text = () =>
        before === 0 ? undefined : this.#line(`${bold(plugin)} ${green('types in order')}`);
      return this.#say({ event: 'types', plugin, problems: [] }, text);
    }
    const count = `${problems.length} type ${problems.length === 1 ? 'error' : 'errors'}`;
    this.#say({ event: 'types', plugin, problems: problems.map(withFrame) }, () =>
      [this.#line(`${bold(plugin)} ${red(count)}; what runs goes on`), ...this.#problems(problems)].join(
        '\n',
      ),
    );
  }

  /** `undefined`: in force. */
  config(path: string, problem: string | undefined): void {
    const { red, bold } = this.#paint;
    this.#say({ event: 'config', path, ...(problem === undefined ? {} : { problem }) }, () =>
      problem === undefined
        ? undefined
        : this.#line(`${bold(shortPath(path))} ${red('not taken')}: what was in force stays\n${problem}`),
    );
  }

  note(text: string): void {
    this.#say({ event: 'note', text }, () => this.#line(text));
  }

  stopped(kept: string | undefined): void {
    this.#say({ event: 'stopped', ...(kept === undefined ? {} : { kept }) }, () =>
      this.#line(kept === undefined ? 'stopped, and everything removed' : `stopped; kept in ${kept}`),
    );
  }

  /** Where the node logs to: what is not told here already. */
  get log(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        for (const line of chunk.toString().split('\n')) if (line !== '') this.#logLine(line);
        done();
      },
    });
  }

  #logLine(line: string): void {
    const { level, time: _time, event, plugin, ...fields } = JSON.parse(line) as Record<string, unknown>;
    if (this.#out.json) return this.#out.item({ ...JSON.parse(line), event: 'log', message: event });
    // Of the node itself only what is wrong.
    const quiet = plugin === undefined && level !== 'error' && level !== 'warn';
    if (this.#out.verbose === 0 && (quiet || told.has(String(event)))) return;
    const time = new Date().toTimeString().slice(0, 8);
    const who = plugin === undefined ? '' : `${String(plugin)}: `;
    // In the form of the log, which keeps what a peer has said on its line.
    const shown = JSON.stringify({ time, level, event: `${who}${String(event)}`, ...fields });
    this.#out.write(textLine(shown, this.#paint.colour));
  }

  #problems(problems: readonly SourceProblem[]): string[] {
    return problems.map((problem) => `\n${problemText(problem, frameOf(problem), this.#paint)}\n`);
  }

  #line(text: string): string {
    return `${this.#paint.dim(new Date().toTimeString().slice(0, 8))} ${text}`;
  }

  #say(event: object, text: () => string | undefined): void {
    if (this.#out.json) return this.#out.item({ time: new Date().toISOString(), ...event });
    const shown = text();
    if (shown !== undefined) this.#out.write(`${shown}\n`);
  }
}

function savedBy(save: Save | undefined): { files?: readonly string[]; milliseconds?: number } {
  if (save === undefined) return {};
  return { files: save.files, milliseconds: Math.round(performance.now() - save.since) };
}

function frameOf({ place }: SourceProblem): string {
  if (place === undefined) return '';
  try {
    return codeFrame(readFileSync(place.file, 'utf8'), place);
  } catch {
    // It was there a moment ago.
    return '';
  }
}

function withFrame(problem: SourceProblem) {
  const frame = frameOf(problem);
  return { message: problem.message, ...problem.place, ...(frame === '' ? {} : { frame }) };
}

/**
 * A command as words, without a shell. `docs/spec/ssh.md` 6.2. Pure.
 *
 * @module
 */

const forbidden = new Set(';&|<>()$*?[]{}~#!`\n');

/** `undefined` for what a shell would have to understand. */
export function splitWords(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  const add = (text: string) => {
    word = (word ?? '') + text;
  };
  let quote: '"' | "'" | undefined;
  for (let i = 0; i < command.length; i++) {
    const c = command[i] ?? '';
    if (c === '\0') return undefined;
    if (quote === "'") {
      if (c === "'") quote = undefined;
      else add(c);
    } else if (quote === '"') {
      if (c === '"') quote = undefined;
      else if (c === '$' || c === '`') return undefined;
      else if (c === '\\' && (command[i + 1] === '"' || command[i + 1] === '\\')) add(command[++i] ?? '');
      else add(c);
    } else if (c === ' ' || c === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === '"' || c === "'") {
      quote = c;
      add('');
    } else if (c === '\\') {
      const next = command[++i];
      if (next === undefined || next === '\n' || next === '\0') return undefined;
      add(next);
    } else if (forbidden.has(c)) return undefined;
    else add(c);
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);
  return words[0] === undefined || words[0] === '' ? undefined : words;
}

/** `*` is any run of characters except `/`, `?` one character except `/`. */
export function globMatches(glob: string, word: string): boolean {
  const pattern = [...glob].map((c) =>
    c === '*' ? '[^/]*' : c === '?' ? '[^/]' : c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'),
  );
  return new RegExp(`^${pattern.join('')}$`, 's').test(word);
}

const gitServices = ['git-upload-pack', 'git-receive-pack', 'git-upload-archive'];

export interface GitRequest {
  readonly service: string;
  /** The one argument, `undefined` when there are fewer or more. */
  readonly path: string | undefined;
}

/** `git-upload-pack P` and `git upload-pack P`. */
export function gitRequest(words: readonly string[]): GitRequest | undefined {
  const joined = words[0] === 'git' && words.length > 1 ? [`git-${words[1]}`, ...words.slice(2)] : words;
  const [service = '', path, ...more] = joined;
  if (!gitServices.includes(service)) return undefined;
  return { service, path: more.length === 0 && path !== '' ? path : undefined };
}

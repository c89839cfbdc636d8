/**
 * Refs and history of a repository, as git prints them. What comes from a caller is checked, and passed where git takes no
 * option. `docs/spec/git.md` 9.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { isRefName } from '../core/ref-names.ts';
import type { Git } from '../git/git.ts';
import { headOf, type Repository } from './repositories.ts';

export interface RefRow {
  ref: string;
  id: string;
  /** What an annotated tag stands for. */
  peeled?: string;
  symref?: string;
}

const hidden = /^refs\/alknet(?:\/|$)/;

/** Every ref that a fetch shows, HEAD first, sorted. */
export async function refsOf(git: Git, repository: Repository, signal: AbortSignal): Promise<RefRow[]> {
  const format = '--format=%(refname)%00%(objectname)%00%(*objectname)%00%(symref)';
  const text = await git.outputIn(repository.directory, ['for-each-ref', format], { signal });
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): RefRow => {
      const [ref = '', id = '', peeled = '', symref = ''] = line.split('\0');
      return { ref, id, ...(peeled === '' ? {} : { peeled }), ...(symref === '' ? {} : { symref }) };
    })
    .filter(({ ref }) => !hidden.test(ref));
  const head = await headOf(repository);
  const target = rows.find(({ ref }) => ref === head);
  const first = target === undefined ? [] : [{ ref: 'HEAD', id: target.id, symref: head }];
  return [...first, ...rows.sort((a, b) => (a.ref < b.ref ? -1 : 1))];
}

export interface Person {
  name: string;
  email: string;
  /** RFC 3339; `null` for a date that it has no form for. */
  at: string | null;
}

export interface CommitRow {
  id: string;
  parents: string[];
  author: Person;
  committer: Person;
  subject: string;
  body: string;
}

export interface LogPage {
  commits: CommitRow[];
  next?: string;
}

export interface LogRequest {
  readonly ref?: string | undefined;
  readonly path?: string | undefined;
  /** `next` of the page before: the commit that the walk began at, and how many are done. */
  readonly after?: string | undefined;
  readonly limit: number;
}

const fields = ['%H', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%s', '%b'] as const;
/** Bytes of text on one page: an answer fits into a frame. */
const pageBytes = 256 * 1024;
/** Characters of one message. */
const longestBody = 64 * 1024;

/** @throws CallError `REF_NOT_FOUND`, `INVALID_INPUT` */
export async function logOf(
  git: Git,
  repository: Repository,
  request: LogRequest,
  signal: AbortSignal,
): Promise<LogPage> {
  const { path, after, limit } = request;
  const begun = /^([0-9a-f]{40}|[0-9a-f]{64})\.(\d{1,9})$/.exec(after ?? '');
  if (after !== undefined && begun === null)
    throw new CallError('INVALID_INPUT', 'after: expected the "next" of an earlier page');
  const start = await startOf(git, repository, request.ref, signal);
  if (start === undefined) return { commits: [] };
  // Pages are of one walk, though the ref may move meanwhile; but only as long as the ref still leads there.
  const tip = begun?.[1] ?? start;
  const skip = Number(begun?.[2] ?? 0);
  if (tip !== start && !(await leadsTo(git, repository, start, tip, signal)))
    throw new CallError('REF_NOT_FOUND', 'the ref has moved to another history; begin without "after"');
  const args = [
    '--literal-pathspecs',
    'log',
    '--no-show-signature',
    '--no-mailmap',
    '--no-color',
    '--encoding=UTF-8',
    `--skip=${skip}`,
    `--max-count=${limit + 1}`,
    `--format=tformat:${fields.join('%x00')}%x00`,
    '--end-of-options',
    tip,
    '--',
    ...(path === undefined ? [] : [checkedPath(path)]),
  ];
  const text = await git.outputIn(repository.directory, args, { signal });
  return pageOf(parseLog(text), tip, skip, limit);
}

function pageOf(rows: readonly CommitRow[], tip: string, skip: number, limit: number): LogPage {
  const commits: CommitRow[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, limit)) {
    bytes += row.subject.length + row.body.length + 512;
    if (commits.length > 0 && bytes > pageBytes) break;
    commits.push(row);
  }
  return commits.length < rows.length ? { commits, next: `${tip}.${skip + commits.length}` } : { commits };
}

function parseLog(text: string): CommitRow[] {
  const values = text.split('\0');
  const rows: CommitRow[] = [];
  for (let at = 0; at + fields.length < values.length + 1 && at + 1 < values.length; at += fields.length) {
    const [
      id = '',
      parents = '',
      an = '',
      ae = '',
      ad = '',
      cn = '',
      ce = '',
      cd = '',
      subject = '',
      body = '',
    ] = values.slice(at, at + fields.length);
    rows.push({
      // Between two commits git writes a line feed.
      id: id.trim(),
      parents: parents === '' ? [] : parents.split(' '),
      author: { name: an, email: ae, at: timeOf(ad) },
      committer: { name: cn, email: ce, at: timeOf(cd) },
      subject: subject.slice(0, longestBody),
      body: body.slice(0, longestBody),
    });
  }
  return rows;
}

/** git takes years of five digits and offsets of more than a day. */
function timeOf(text: string): string | null {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/.test(text) ? text : null;
}

/** The commit that a ref stands on: a whole ref, a branch, a tag, in this order; absent: HEAD. Never an expression. */
async function startOf(
  git: Git,
  repository: Repository,
  ref: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (ref === undefined || ref === 'HEAD') return commitOf(git, repository, await headOf(repository), signal);
  const candidates = [ref, `refs/heads/${ref}`, `refs/tags/${ref}`];
  for (const candidate of candidates) {
    if (!isRefName(candidate) || hidden.test(candidate)) continue;
    const id = await commitOf(git, repository, candidate, signal);
    if (id !== undefined) return id;
  }
  throw new CallError('REF_NOT_FOUND', `no such branch or tag: ${JSON.stringify(ref.slice(0, 300))}`);
}

async function commitOf(
  git: Git,
  { directory }: Repository,
  ref: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
  const { code, stdout } = await git.runIn(directory, args, { signal });
  const id = stdout.trim();
  return code === 0 && /^[0-9a-f]{40,64}$/.test(id) ? id : undefined;
}

async function leadsTo(
  git: Git,
  { directory }: Repository,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { code } = await git.runIn(directory, ['merge-base', '--is-ancestor', to, from], { signal });
  return code === 0;
}

function checkedPath(path: string): string {
  const parts = path.split('/');
  if (path.includes('\0') || path.startsWith('/') || parts.includes('..') || parts.includes('.'))
    throw new CallError('INVALID_INPUT', 'path: expected a path inside the repository, such as src/main.c');
  return path;
}

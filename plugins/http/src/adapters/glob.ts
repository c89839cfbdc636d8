/**
 * Globs on names of operations: `*` within a segment, `**` across segments, `?` one character. Pure.
 *
 * @module
 */

function expression(glob: string): RegExp {
  const text = glob.replaceAll(/\*\*|\*|\?|[\\^$+.()|[\]{}]/g, (token) => {
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    return token === '?' ? '[^/]' : `\\${token}`;
  });
  return new RegExp(`^${text}$`);
}

/** Whether a name is wanted: one of `include`, all when there is none, and none of `exclude`. */
export function chooser(
  include: readonly string[] | undefined,
  exclude: readonly string[] | undefined,
): (name: string) => boolean {
  const wanted = include?.map(collapsed).map(expression);
  const unwanted = (exclude ?? []).map(collapsed).map(expression);
  return (name) =>
    (wanted === undefined || wanted.some((each) => each.test(name))) &&
    !unwanted.some((each) => each.test(name));
}

/** Runs of stars would make matching slow. */
function collapsed(glob: string): string {
  return glob.replaceAll(/\*{2,}/g, '**').replaceAll(/(?:\*\*\/?){2,}/g, '**');
}

/**
 * Globs over names and refs: `*` inside a segment, `**` any number of segments. Linear in the length of the text for every
 * pattern but those with several `**`, and those are bounded by the segments of a name. Pure.
 *
 * @module
 */

export function matchesGlob(glob: string, text: string): boolean {
  return matchesSegments(glob.split('/'), text.split('/'));
}

function matchesSegments(pattern: readonly string[], segments: readonly string[]): boolean {
  // reached[i]: the pattern so far takes the first i segments.
  let reached = segments.map(() => false);
  reached = [true, ...reached];
  for (const part of pattern) {
    const next = reached.map(() => false);
    for (let i = 0; i < reached.length; i++) {
      if (part === '**') next[i] = reached[i] === true || (i > 0 && next[i - 1] === true);
      else next[i] = i > 0 && reached[i - 1] === true && matchesSegment(part, segments[i - 1] ?? '');
    }
    reached = next;
  }
  return reached.at(-1) === true;
}

function matchesSegment(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

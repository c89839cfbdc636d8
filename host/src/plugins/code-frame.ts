/**
 * The lines around a place in a source, with the place marked, for people. Pure.
 *
 * @module
 */

/** Lines shown before and after. */
const around = 2;
/** Longer lines, such as minified ones, are cut. */
const maxWidth = 160;

/** `line` and `column` from 1; empty when the text has no such line. */
export function codeFrame(text: string, { line, column }: { line: number; column: number }): string {
  const lines = text.split(/\r?\n/);
  if (line < 1 || line > lines.length) return '';
  const first = Math.max(1, line - around);
  const last = Math.min(lines.length, line + around);
  const width = String(last).length;
  // A long line is shown from where the place can be seen.
  const from = column > maxWidth - 20 ? column - 20 : 0;
  const rows: string[] = [];
  for (let number = first; number <= last; number++) {
    // A tab is one column, and is shown as one.
    const shown = (lines[number - 1] ?? '').replaceAll('\t', ' ').slice(from, from + maxWidth);
    rows.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${shown}`.trimEnd());
    if (number === line) rows.push(`  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1 - from))}^`);
  }
  return rows.join('\n');
}

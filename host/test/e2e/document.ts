/** A document whose blocks are followed as its reader would: see the first lines of docs/writing-plugins.md. */

export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'command'; readonly command: string; readonly expected: readonly string[] };

/** In the order in which they stand. */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, language = '', body = ''] of markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const [first = '', ...rest] = body.trimEnd().split('\n');
    if (language !== 'console') {
      if (!/^\/\/ [\w./-]+$/.test(first)) throw new Error(`a block of ${language} names no file: ${first}`);
      steps.push({ kind: 'file', name: first.slice(3), text: body });
      continue;
    }
    let expected: string[] = [];
    for (const line of [first, ...rest]) {
      if (line.startsWith('$ ')) {
        expected = [];
        steps.push({ kind: 'command', command: line.slice(2), expected });
      } else expected.push(line.trim());
    }
  }
  return steps;
}

/** Whether the output shows a line of the document, in which `…` stands for anything. */
export function shows(output: string, line: string): boolean {
  const parts = line.split('…').map((part) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\s+/g, '\\s+'),
  );
  return new RegExp(parts.join('[^\\n]*')).test(output);
}

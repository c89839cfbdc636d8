/**
 * The module that a plugin's thread begins with.
 *
 * @module
 */

/** `.js` where the host is built; where it runs from its source, through the loader that runs it. */
export function threadEntry(): URL {
  const built = new URL('../thread/main.js', import.meta.url);
  if (!new URL(import.meta.url).pathname.endsWith('.ts')) return built;
  const source = new URL('../thread/main.ts', import.meta.url).href;
  // tsx registers itself in the main thread alone.
  const loader = import.meta.resolve('tsx/esm/api');
  const code = `import { register } from ${JSON.stringify(loader)}; register(); await import(${JSON.stringify(source)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

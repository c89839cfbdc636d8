/**
 * A log line for people: time, level, event, `key=value`. `docs/spec/config.md` 9. Pure.
 *
 * @module
 */

const colours: Record<string, string> = {
  error: '31',
  warn: '33',
  notice: '36',
  info: '32',
  debug: '90',
  trace: '90',
};

/** `json`: one object as the log writes it. What is outside 0x21–0x7E, and `"` and `=`, is quoted as in JSON. */
export function textLine(json: string, colour: boolean): string {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const name = String(level);
  const shown = colour ? `\x1b[${colours[name]}m${name.padEnd(6)}\x1b[0m` : name.padEnd(6);
  const pairs = Object.entries(fields).map(([key, value]) => `${fieldText(key)}=${fieldText(value)}`);
  return `${[String(time), shown, eventText(String(event)), ...pairs].join(' ')}\n`;
}

/** Words with spaces, as the events of the host and of plugins are. */
function eventText(event: string): string {
  return /^[\x20-\x7e]*$/.test(event) ? event : quoted(event);
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text !== '' && /^[\x21\x23-\x3c\x3e-\x7e]*$/.test(text) ? text : quoted(text);
}

/** JSON leaves DEL and what is above ASCII as it is; here a line never leaves ASCII. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Terminal modes of RFC 4254 8 as arguments of stty. Only what every stty knows; the rest is ignored. Pure.
 *
 * @module
 */

const characters: Readonly<Record<string, string>> = {
  VINTR: 'intr',
  VQUIT: 'quit',
  VERASE: 'erase',
  VKILL: 'kill',
  VEOF: 'eof',
};

const flags = ['ISIG', 'ICANON', 'ECHO', 'ECHOE', 'ECHOK', 'IXON', 'ICRNL', 'OPOST', 'ONLCR'];

const speeds = new Set([
  50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400,
]);

export function terminalModes(modes: Readonly<Record<string, number>>): string {
  const words: string[] = [];
  for (const [mode, value] of Object.entries(modes)) {
    const character = Object.hasOwn(characters, mode) ? characters[mode] : undefined;
    if (character !== undefined) {
      const text = characterText(value);
      if (text !== undefined) words.push(character, text);
    } else if (flags.includes(mode)) words.push(`${value === 0 ? '-' : ''}${mode.toLowerCase()}`);
    else if (mode === 'TTY_OP_OSPEED' && speeds.has(value)) words.push('ospeed', String(value));
    else if (mode === 'TTY_OP_ISPEED' && speeds.has(value)) words.push('ispeed', String(value));
  }
  return words.join(' ');
}

/** 255 stands for none. A printable one could mean something to the shell, and no terminal has one. */
function characterText(value: number): string | undefined {
  if (value === 255) return 'undef';
  if (value === 127) return '^?';
  return value >= 1 && value < 32 ? `^${String.fromCharCode(64 + value)}` : undefined;
}

/**
 * Whether an address is in a list of networks: `from=`, `source-address`. `docs/spec/ssh.md` 3.3 and 3.4. Pure.
 *
 * @module
 */

import { BlockList, isIP } from 'node:net';

/** A list of addresses and CIDRs; `!` negates. @throws TypeError naming the pattern that is none */
export function addressMatcher(patterns: readonly string[]): (address: string) => boolean {
  const allowed = new BlockList();
  const denied = new BlockList();
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    add(negated ? denied : allowed, negated ? pattern.slice(1) : pattern, pattern);
  }
  return (address) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return isIP(address) !== 0 && !denied.check(address, family) && allowed.check(address, family);
  };
}

function add(list: BlockList, text: string, pattern: string): void {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  const width = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (version === 0 || more.length > 0 || prefix < 0 || prefix > width)
    throw new TypeError(`expected an address or a CIDR such as 10.0.0.0/8, found ${JSON.stringify(pattern)}`);
  list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
}

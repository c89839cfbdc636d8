/** Versions of the packages, without loading what they do. */

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const versionOf = (path: string) => (require(path) as { version: string }).version;

export const alknetVersion = versionOf('../package.json');
export const sdkVersion = versionOf('@alknet/sdk/package.json');

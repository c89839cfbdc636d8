/**
 * The configuration that `alknet init` writes. `docs/spec/config.md` 14, with what this build has.
 *
 * @module
 */

export function firstConfig(dataDir: string, listen = '127.0.0.1:4433'): string {
  const path =
    dataDir === '' ? '.' : dataDir.startsWith('.') || dataDir.startsWith('/') ? dataDir : `./${dataDir}`;
  const address = JSON.stringify(listen);
  return `{
  "dataDir": ${JSON.stringify(path)},
  // reachable from this machine only; "*:4433" is every address of it
  "listen": { "quic": ${address}, "tls": ${address} },
  // a plugin that is switched on or off here is so in the running node a moment later
  "plugins": {
    "call": true,
    // "page": who opens https://${listen}/ sees that this is alknet, and what a token shows
    "http": { "config": { "page": true } },
    "ssh": true,
    "sftp": true,
    "git": { "config": { "push": { "enabled": true } } }
    // a third party's plugin: what it may do is written here, and nothing else
    // "weather": { "use": "./plugins/weather.ts", "grant": { "secrets": ["weather-api"] } }
  },
  // nodes that this one knows by name; an address grants nothing
  "peers": {}
}
`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, refused } from './support.ts';

const written = (acme: unknown, more = {}) => JSON.stringify({ ...more, tls: { acme } });

test('IDN-49 a wildcard domain is AcmeConfig', () => {
  const [problem, ...more] = refused(written({ domains: ['one.test', '*.one.test'] }));
  assert.deepEqual([problem?.pointer, more.length], ['/tls/acme/domains/1', 0]);
  assert.match(problem?.message ?? '', /^AcmeConfig: "\*\.one\.test" is a wildcard, .*; write each name$/);
});

test('an IP address, what is no name, a directory without https, and no listener are AcmeConfig', () => {
  const domains = ['one.test'];
  const cases: [string, string, RegExp][] = [
    [
      written({ domains: ['192.0.2.1'] }),
      '/tls/acme/domains/0',
      /^AcmeConfig: 192\.0\.2\.1 is an IP address/,
    ],
    [written({ domains: ['2001:db8::1'] }), '/tls/acme/domains/0', /^AcmeConfig: .* is an IP address/],
    [written({ domains: ['a b.test'] }), '/tls/acme/domains/0', /^AcmeConfig: expected a DNS name/],
    [written({ domains: ['one'] }), '/tls/acme/domains/0', /^AcmeConfig: expected a DNS name/],
    [written({ domains, directory: 'http://ca.test' }), '/tls/acme/directory', /^AcmeConfig: .*https URL/],
    [written({ domains, directory: 'stagin' }), '/tls/acme/directory', /^AcmeConfig: .*production, staging/],
    [written({ domains }, { listen: { tls: false } }), '/tls/acme', /^AcmeConfig: .*listen\.tls is false/],
    [written({ domains: [] }), '/tls/acme/domains', /expected/],
    [written({}), '/tls/acme/domains', /./],
    [written({ domains, contact: ['admin@one.test'] }), '/tls/acme/contact/0', /mailto:ADDRESS/],
    [written({ domains, email: 'a@b' }), '/tls/acme/email', /unknown key/],
  ];
  for (const [text, pointer, message] of cases) {
    const [problem] = refused(text);
    assert.equal(problem?.pointer, pointer, text);
    assert.match(problem?.message ?? '', message, text);
  }
});

test('tls.acme has defaults, short names of directories, and names in lower case', () => {
  const { config } = accepted(written({ domains: ['One.Test'] }));
  assert.deepEqual(config.tls.acme, {
    domains: ['one.test'],
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    contact: [],
    cacheDir: `${config.dataDir}/acme`,
  });
  const staging = accepted(
    written({ domains: ['one.test'], directory: 'staging', cacheDir: 'certs' }),
  ).config;
  assert.equal(staging.tls.acme?.directory, 'https://acme-staging-v02.api.letsencrypt.org/directory');
  assert.equal(staging.tls.acme?.cacheDir, '/etc/node/certs');
});

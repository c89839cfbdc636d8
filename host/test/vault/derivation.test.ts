import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveEd25519, deriveSecp256k1 } from '../../src/vault/derive.ts';
import {
  ENCRYPTION,
  ETHEREUM,
  IDENTITY,
  MESSAGING,
  MESSAGING_STATE,
  OPERATOR,
  parsePath,
  SSH_HOST,
} from '../../src/vault/index.ts';
import { code, hex, unlocked } from './support.ts';

const seed = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

test('VLT-09 Ed25519 keys equal the SLIP-0010 vectors, chain codes included', () => {
  const vectors: [path: string, privateKey: string, publicKey: string, chainCode: string][] = [
    [
      'm',
      '2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7',
      'a4b2856bfec510abab89753fac1ac0e1112364e7d250545963f135f2a33188ed',
      '90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb',
    ],
    [
      "m/0'",
      '68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3',
      '8c8a13df77a28f3445213a0f432fde644acaa215fc72dcdf300d5efaa85d350c',
      '8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69',
    ],
    [
      "m/0'/1'/2'",
      '92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9',
      'ae98736566d30ed0e9d2f4486a64bc95740d89c7db33f52121f8ea8f76ff0fc1',
      '2e69929e00b5ab250f49c3fb1c12f252de4fed2c1db88387094a0f8c4c9ccd6c',
    ],
    [
      "m/0'/1'/2'/2'/1000000000'",
      '8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793',
      '3c24da049451555d51a7014a37337aa4e12d41e485abccfa46b47dfb2af54b7a',
      '68789923a0cac2cd5a29172a475fe9e0fb14cd6adb5ad98a3fa70333e7afa230',
    ],
  ];
  for (const [path, privateKey, publicKey, chainCode] of vectors) {
    const key = deriveEd25519(seed, parsePath(path));
    assert.equal(hex(key.privateKey), privateKey, path);
    assert.equal(hex(key.publicKey), publicKey, path);
    assert.equal(hex(key.chainCode), chainCode, path);
  }
});

test('VLT-10 the paths of alknet give the keys of the vectors', () => {
  const vault = unlocked();
  const pairs: [path: string, privateKey: string, publicKey: string][] = [
    [
      IDENTITY,
      '603aa5c626317fda4afd87b902e5c9de76c33f40834005245e1c5a675e92d700',
      'e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc',
    ],
    [
      "m/74'/0'/0'/1'",
      '550f05587732eeb6bd0de879f77b89e3593a655733f794be9a05dad90c3a1d24',
      '733961f7573657324f22e91f06ea4f0b359e2efa0ccffc954616dadee7444daa',
    ],
    [
      SSH_HOST,
      'be2dfaff0d268c833fd9c653b9bd352cef3ec2b211db804211c9f912b63dc3ab',
      '6a9dd5c41915fba6cc22b8760263aba45b068cae7bead1d069c7b8eeb0118134',
    ],
    [
      OPERATOR,
      '8593e748dcbffc3716468460bd3973e9756b6b69831212c201a020a9e8244eee',
      '52e34b40ff9cf7a2bcaafb22792f387c1693a96adddf589e9798bea3dbc06581',
    ],
    [
      MESSAGING,
      '48d9e2aeba36ce652155e9358df79c4e88a52c0132a27ee91dae8bce319aebdf',
      'a1e38b5fcd688c84d31e42950ea676f28a7398bff55412233368ad8925f5d7e5',
    ],
  ];
  for (const [path, privateKey, publicKey] of pairs) {
    const key = vault.deriveEd25519(path);
    assert.equal(hex(key.privateKey), privateKey, path);
    assert.equal(hex(key.publicKey), publicKey, path);
    assert.equal(key.path, path);
    assert.equal(key.keyType, 'Ed25519');
  }
  const aes: [path: string, privateKey: string][] = [
    [ENCRYPTION, 'fbed5fa9110df4214baa259a4cd6bd3902373231472d317b8f3686b1d63df17a'],
    ["m/74'/2'/0'/1'", '3ddaf7a4485d755c959c883347420fdc9fa2a64fb1edae8a5f312e82c210f0f0'],
    [MESSAGING_STATE, '18ad6522b423537da9dd32403e34d56d44b7f3e02a8b6178a0c7a3e2f199b31b'],
  ];
  for (const [path, privateKey] of aes) {
    const key = vault.deriveEncryptionKey(path);
    assert.equal(hex(key.privateKey), privateKey, path);
    assert.equal(key.publicKey.length, 0);
    assert.equal(key.chainCode.length, 32);
  }
  const ethereum = vault.deriveEthereumKey();
  assert.equal(hex(ethereum.privateKey), '1ab42cc412b618bdea3a599e3c9bae199ebf030895b039e9db1e30dafb12b727');
});

test('VLT-11 paths outside the grammar and unhardened Ed25519 paths are refused', () => {
  const vault = unlocked();
  const malformed = [
    '',
    '/',
    "0'",
    'M',
    "n/0'",
    'm/',
    "m//0'",
    "m/0'/",
    "m/-1'",
    "m/+1'",
    "m/0''",
    'm/0H',
    "m/0x1'",
    "m/ 0'",
    "m/1.0'",
    'm\n',
  ];
  const tooFar = ["m/2147483648'", "m/99999999999999999999'", `m${"/0'".repeat(256)}`];
  for (const path of [...malformed, ...tooFar]) {
    for (const keyType of ['Ed25519', 'Aes256Gcm', 'Secp256k1'] as const) {
      assert.throws(() => vault.derive(keyType, path), code('InvalidPath'), JSON.stringify(path));
    }
  }
  for (const path of ['m/0', "m/74'/0'/0'/0", "m/74/0'/0'/0'"]) {
    assert.throws(() => vault.deriveEd25519(path), code('InvalidPath'), path);
    assert.throws(() => vault.deriveEncryptionKey(path), code('InvalidPath'), path);
  }
  const deepest = `m${"/0'".repeat(255)}`;
  assert.equal(vault.deriveEd25519(deepest).privateKey.length, 32);
  assert.equal(vault.derive('Secp256k1', deepest).privateKey.length, 32);
  assert.equal(vault.deriveEd25519("m/2147483647'").path, "m/2147483647'");
});

test('VLT-12 an apostrophe and an h name one key, and leading zeros do not change it', () => {
  const vault = unlocked();
  const key = vault.deriveEd25519(IDENTITY);
  for (const path of ['m/74h/0h/0h/0h', "m/74'/0h/0'/0h", "m/0074'/00'/0'/000'"]) {
    const same = vault.deriveEd25519(path);
    assert.deepEqual(same.privateKey, key.privateKey);
    assert.equal(same.path, IDENTITY);
  }
  assert.equal(vault.cached, 1);
});

test('VLT-31 one path under two key types gives two right keys', () => {
  const vault = unlocked();
  const path = "m/44'/60'/0'";
  const alone = (keyType: 'Ed25519' | 'Secp256k1') => hex(unlocked().derive(keyType, path).publicKey);
  const first = { ed25519: vault.derive('Ed25519', path), secp256k1: vault.derive('Secp256k1', path) };
  const again = { ed25519: vault.derive('Ed25519', path), secp256k1: vault.derive('Secp256k1', path) };
  for (const { ed25519, secp256k1 } of [first, again]) {
    assert.equal(hex(ed25519.publicKey), alone('Ed25519'));
    assert.equal(hex(secp256k1.publicKey), alone('Secp256k1'));
    assert.notDeepEqual(ed25519.privateKey, secp256k1.privateKey);
  }
});

test('VLT-36 the Ethereum key and the BIP-32 master equal their vectors', () => {
  const { publicKey, path } = unlocked().deriveEthereumKey();
  assert.equal(path, ETHEREUM);
  assert.equal(publicKey.length, 33);
  assert.equal(hex(publicKey), '0237b0bb7a8288d38ed49a524b5dc98cff3eb5ca824c9f9dc0dfdb3d9cd600f299');
  const master = deriveSecp256k1(seed, parsePath('m'));
  assert.equal(hex(master.privateKey), 'e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35');
  assert.equal(hex(master.publicKey), '0339a36013301597daef41fbe593a02cc513d0b55527ec2df1050e2e8ff49c85c2');
  assert.equal(hex(master.chainCode), '873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508');
});

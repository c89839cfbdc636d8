import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundlePage } from '../../../../scripts/build-page.mjs';
import { labNode } from '../websocket/node.ts';
import { inPage, noBrowser, signIn, TestBrowser } from './browser.ts';

const skip = noBrowser;
let browser: TestBrowser;
before(async () => {
  if (skip === false) browser = await TestBrowser.launch();
});
after(async () => {
  if (skip === false) await browser.close();
});

test('HTTP-61 a browser opens a session with the subprotocol token, and the answer names alknet.call only', {
  skip,
}, async (t) => {
  const node = await labNode(t, { page: true });
  const token = await node.grant('ada');
  const { page } = await browser.visit(`${node.origin}/`);
  const outcome = await inPage(page, 'who', token);
  assert.deepEqual(outcome, {
    protocol: 'alknet.call',
    answer: { type: 'call.responded', id: '1', payload: { output: 'ada' } },
  });
  assert.ok(!node.log().includes(token));
});

test('HTTP-140 a wrong token is refused with a reason; the right one is in no storage unless the user says so', {
  skip,
}, async (t) => {
  const node = await labNode(t, { page: true });
  const token = await node.grant('ada', ['host:read']);
  const { page, complaints } = await browser.visit(`${node.origin}/`);
  await page.getByLabel('Token').fill(`alk_${'x'.repeat(43)}`);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'does not know this token' }).waitFor();
  // The refused WebSocket is told on the console by the browser itself.
  complaints.length = 0;

  await signIn(page, token);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  const storages = () => inPage(page, 'storages');
  assert.equal(await storages(), '[{},{},""]');
  await page.reload();
  await page.getByLabel('Token').fill(token);
  await page.getByLabel('keep it until this tab is closed').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  assert.equal(await storages(), '[{},{},""]');
  assert.deepEqual(complaints, []);
});

test('HTTP-139 an operator sees the node, its plugins with provenance and grants, and its connections', {
  skip,
}, async (t) => {
  const node = await labNode(t, { page: true });
  const { page, complaints } = await browser.visit(`${node.origin}/`);
  await signIn(page, await node.grant('ada', ['admin']));
  await page.getByText(node.node.id).waitFor();
  await page.getByRole('cell', { name: `127.0.0.1:${node.port}` }).waitFor();

  await page.getByRole('link', { name: 'Plugins' }).click();
  const lab = page.getByRole('region', { name: 'lab' });
  await lab.getByText(/^sha256-/).waitFor();
  await lab.getByText('operations: lab/*').waitFor();
  await lab.getByText('scopes: ui').waitFor();
  await lab.getByRole('button', { name: 'Disable' }).click();
  await lab.getByText('disabled').waitFor();
  await lab.getByRole('button', { name: 'Enable' }).click();
  await lab.getByText('running').waitFor();

  await page.getByRole('link', { name: 'Connections' }).click();
  await page.getByRole('cell', { name: 'http', exact: true }).first().waitFor();
  assert.deepEqual(complaints, []);
});

test('HTTP-139 every operation has a form made from its schema, whose values reach the operation', {
  skip,
}, async (t) => {
  const node = await labNode(t, { page: true });
  const { page, complaints } = await browser.visit(`${node.origin}/`);
  await signIn(page, await node.grant('ada'));
  // Not for this token: the page begins with what there is.
  await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Plugins' }).getAttribute('aria-disabled'), 'true');

  await page.getByLabel('Search operations').fill('order');
  await page.getByRole('link', { name: /order/ }).click();
  await page.getByRole('heading', { name: 'Order books' }).waitFor();
  const answer = page.getByRole('region', { name: 'Answer' });
  const read = async () => JSON.parse((await answer.locator('pre').last().textContent()) ?? '');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  assert.equal(
    await page.locator('.output').textContent(),
    '',
    'a form without what is required is not sent',
  );

  await page.getByLabel('title').fill('Middlemarch');
  await page.getByLabel('copies').fill('3');
  await page.getByLabel('copies').press('Control+Enter');
  await answer.getByText('ok').waitFor();
  assert.deepEqual(await read(), { by: 'ada', title: 'Middlemarch', copies: 3 });

  await page.getByLabel('gift').selectOption('true');
  await page.getByLabel('cover').selectOption('hard');
  await page.getByRole('button', { name: '+ Add' }).click();
  await page.getByLabel('notes 1', { exact: false }).first().fill('for Bob');
  await page.getByRole('group', { name: 'to' }).getByLabel('name').fill('Bob');
  await page.getByLabel('more').fill('{"x": [1, null]}');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await answer.getByText('Bob').first().waitFor();
  const whole = {
    by: 'ada',
    title: 'Middlemarch',
    copies: 3,
    gift: true,
    cover: 'hard',
    notes: ['for Bob'],
    to: { name: 'Bob' },
    more: { x: [1, null] },
  };
  assert.deepEqual(await read(), whole);

  await page.getByRole('checkbox', { name: 'as JSON' }).check();
  const raw = page.getByLabel('Input as JSON');
  const { by: _by, ...input } = whole;
  assert.deepEqual(JSON.parse(await raw.inputValue()), input);
  await raw.fill('{"title": "none", "copies": 1}');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await answer.getByText('NO_BOOK').waitFor();
  assert.deepEqual(await read(), { title: 'none' });
  await raw.fill('{"title": "x", "copies": 11}');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await answer.getByText('INVALID_INPUT').waitFor();
  assert.deepEqual(complaints, []);
});

test('HTTP-139 a subscription shows its values as they come, and Escape stops it', { skip }, async (t) => {
  const node = await labNode(t, { page: true });
  const { page, complaints } = await browser.visit(`${node.origin}/#/operations/lab/count`);
  await signIn(page, await node.grant('ada'));
  await page.locator('#input').fill('{"to": 1000}');
  await page.getByRole('button', { name: 'Subscribe' }).click();
  await page.getByText('completed').waitFor();
  await page.getByText('1,000 values').waitFor();
  assert.equal(await page.locator('.values li').count(), 200);
  assert.equal(await page.locator('.values li').first().textContent(), '1000');

  await page.locator('#input').fill('{}');
  await page.getByRole('button', { name: 'Subscribe' }).click();
  await page.getByText('running').waitFor();
  await page.locator('.values li').first().waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('stopped').waitFor();
  const session = await node.connect(await node.grant('bob'));
  while (((await session.call('lab/state')) as { ended: number }).ended < 2);
  assert.deepEqual(complaints, []);
});

test('HTTP-139 the log is live, and its lines are filtered', { skip }, async (t) => {
  const node = await labNode(t, { page: true });
  const { page, complaints } = await browser.visit(`${node.origin}/#/log`);
  await signIn(page, await node.grant('ada', ['host:read']));
  const log = page.getByRole('log');
  await log.getByText('listener up').waitFor();
  await node.grant('newcomer');
  await log.getByText('peers reloaded').last().waitFor();
  await page.getByPlaceholder('Only lines with …').fill('listener up');
  await log.getByText('plugin started').first().waitFor({ state: 'hidden' });
  assert.equal(await log.locator('.line:visible').count(), 1);
  assert.deepEqual(complaints, []);
});

test('HTTP-139 everything is reached by the keyboard alone', { skip }, async (t) => {
  const node = await labNode(t, { page: true });
  const token = await node.grant('ada', ['admin']);
  const { page, complaints } = await browser.visit(`${node.origin}/`);
  // The field has the focus already.
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  for (const [key, heading] of [
    ['2', 'Operations'],
    ['3', 'Plugins'],
    ['4', 'Connections'],
    ['5', 'Log'],
    ['1', 'Overview'],
  ] as const) {
    await page.keyboard.press(key);
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.locator('#search:focus').waitFor();
  await page.keyboard.type('lab echo');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'lab/echo' }).waitFor();
  await page.locator('#input').focus();
  await page.keyboard.type('"typed"');
  await page.keyboard.press('Control+Enter');
  await page.locator('.output').getByText('"typed"').waitFor();
  assert.deepEqual(complaints, []);
});

test('HTTP-140 a token that is taken back ends the session and says so', { skip }, async (t) => {
  const node = await labNode(t, { page: true });
  const { page } = await browser.visit(`${node.origin}/`);
  await signIn(page, await node.grant('ada', ['host:read']));
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await node.disable('ada');
  await page.getByRole('alert').filter({ hasText: 'taken this token back' }).waitFor();
});

test('no control is without a name, and text has contrast in light and in dark', { skip }, async (t) => {
  const node = await labNode(t, { page: true });
  const token = await node.grant('ada', ['admin']);
  for (const scheme of ['light', 'dark'] as const) {
    const { page } = await browser.visit(`${node.origin}/`, scheme);
    await signIn(page, token);
    await page.getByText('Listeners').waitFor();
    assert.deepEqual(await inPage(page, 'lowContrast'), [], scheme);
    await page.goto(`${node.origin}/#/operations/lab/order`);
    await page.getByRole('heading', { name: 'Order books' }).waitFor();
    assert.deepEqual(await inPage(page, 'lowContrast'), [], scheme);
    assert.deepEqual(await inPage(page, 'unnamed'), []);
  }
});

test('the page is under 60 KiB in gzip, all in all', async (t) => {
  let size = 0;
  for (const contents of (await bundlePage()).values()) size += gzipSync(contents, { level: 9 }).length;
  t.diagnostic(`${size} bytes in gzip`);
  assert.ok(size < 60 * 1024, `${size} bytes`);
});

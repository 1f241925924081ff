import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { phonePhoto } from '../support/files.ts';
import { logFiles, person } from '../support/platform.ts';

test('no log holds a token, an e-mail address or a place', async () => {
  const ann = await person('ann');
  const bytes = await phonePhoto(4000);
  const { ticket } = await ann.upload({ bytes, contentType: 'image/jpeg', title: 'Logged' });
  expect(ticket['status']).toBe('published');
  await ann.sees(`users/${ann.uid}`, ({ status }) => status === 'active');
  const readLogs = async () => (await Promise.all(logFiles.map((file) => readFile(file, 'utf8')))).join('\n');
  // The functions' own lines arrive there, so what is not found was not written.
  let logs = await readLogs();
  while (!logs.includes('"message":"event handled"')) logs = await readLogs();
  const token = (await ann.auth.currentUser?.getIdToken()) ?? '';
  expect(token.length).toBeGreaterThan(100);
  expect(logs).not.toContain(token.split('.')[1]);
  expect(logs).not.toMatch(/eyJ[\w-]{20,}\./);
  expect(logs).not.toMatch(/@example\.com/);
  // Whole words of the place: three letters alone are found in many a random id.
  expect(logs).not.toMatch(/GPSLatitude|latitude|48\/1 51\/1/i);
});

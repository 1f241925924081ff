import { readFile, readdir, stat } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { buildFunctions } from '@playnite/functions/build';
import { z } from 'zod';

const LIB = new URL('../../../functions/lib/', import.meta.url);

test('building what is built already touches nothing, so that a running emulator does not start anew', async () => {
  const times = async () =>
    Promise.all((await readdir(LIB)).map(async (name) => [name, (await stat(new URL(name, LIB))).mtimeMs] as const));
  await buildFunctions();
  const before = await times();
  await Promise.all([buildFunctions(), buildFunctions()]);
  expect(await times()).toEqual(before);
});

test('what is deployed asks for packages of the registry only', async () => {
  await buildFunctions();
  const manifest = z
    .object({ engines: z.object({ node: z.string() }), dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await readFile(new URL('package.json', LIB), 'utf8')));
  expect(manifest.engines.node).toBe('24');
  expect(Object.keys(manifest.dependencies)).toContain('firebase-functions');
  expect(Object.keys(manifest.dependencies).filter((name) => name.startsWith('@playnite/'))).toEqual([]);
  expect(await readFile(new URL('index.js', LIB), 'utf8')).not.toMatch(/from ["']@playnite\//);
});

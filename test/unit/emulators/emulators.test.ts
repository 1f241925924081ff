import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { strFromU8, unzipSync } from 'fflate';
import { openDataFolder } from '../../../emulators/src/data.ts';
import { findEmulators } from '../../../emulators/src/discover.ts';
import { manifestText, writeJar } from '../../../emulators/src/jar.ts';
import { findJava, parseJavaVersion } from '../../../emulators/src/java.ts';
import { startPlatform } from '../../../emulators/src/platform.ts';
import { DEFAULT_PORTS, assertFree, freePorts, offsetPorts } from '../../../emulators/src/ports.ts';
import { parseInterval } from '../../../emulators/src/schedules.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'playnite-unit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const touch = async (...parts: string[]): Promise<string> => {
  const file = path.join(folder, ...parts);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, '', { mode: 0o755 });
  return file;
};
const noDownload = async () => false;

describe('finding the emulators', () => {
  const inCache = async () => ({
    firestore: await touch('cache', 'cloud-firestore-emulator-v1.20.2.jar'),
    pubsub: await touch('cache', 'pubsub-emulator-0.8.20', 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator'),
  });
  const inSdk = async () => {
    await touch('sdk', 'bin', 'gcloud');
    return {
      firestore: await touch('sdk', 'platform', 'cloud-firestore-emulator', 'cloud-firestore-emulator.jar'),
      pubsub: await touch('sdk', 'platform', 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator'),
    };
  };
  const env = (more: NodeJS.ProcessEnv = {}) => ({
    FIREBASE_EMULATORS_PATH: path.join(folder, 'cache'),
    PATH: path.join(folder, 'sdk', 'bin'),
    ...more,
  });

  test('takes what the environment names first, then the cache, then the SDK', async () => {
    await inSdk();
    await inCache();
    const named = await touch('my.jar');
    const found = await findEmulators(env({ FIRESTORE_EMULATOR_BINARY_PATH: named }), noDownload);
    expect(found.firestore).toEqual({ path: named, source: 'environment' });
    expect(found.pubsub.source).toBe('firebase-tools cache');
  });

  test('takes the SDK when the cache is empty, with the engine hosted for Storage rules', async () => {
    const { firestore, pubsub } = await inSdk();
    expect(await findEmulators(env(), noDownload)).toEqual({
      firestore: { path: firestore, source: 'Google Cloud SDK' },
      pubsub: { path: pubsub, source: 'Google Cloud SDK' },
      storageRules: undefined,
    });
  });

  test('takes the newest of several versions, and the official Storage runtime when it is there', async () => {
    await inCache();
    await touch('cache', 'cloud-firestore-emulator-v1.9.0.jar');
    const runtime = await touch('cache', 'cloud-storage-rules-runtime-v1.1.3.jar');
    const found = await findEmulators(env(), noDownload);
    expect(path.basename(found.firestore.path)).toBe('cloud-firestore-emulator-v1.20.2.jar');
    expect(found.storageRules?.path).toBe(runtime);
  });

  test('downloads when there is nothing', async () => {
    const asked: string[] = [];
    const found = await findEmulators(env(), async (name) => {
      asked.push(name);
      await inCache();
      return true;
    });
    expect(asked).toEqual(['firestore']);
    expect(found.firestore.source).toBe('download');
  });

  test('says what to install when nothing can be had', async () => {
    await expect(findEmulators(env(), noDownload)).rejects.toMatchObject({
      code: 'emulator-missing',
      message: expect.stringContaining('gcloud components install cloud-firestore-emulator'),
    });
  });

  test('says so when the environment names a file that is not there', async () => {
    await inSdk();
    const missing = findEmulators(env({ PUBSUB_EMULATOR_BINARY_PATH: '/no/such/file' }), noDownload);
    await expect(missing).rejects.toMatchObject({ code: 'emulator-missing' });
  });
});

describe('Java', () => {
  test.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "21" 2023-09-19', 21],
    ['what?', undefined],
  ])('reads %s', (output, major) => {
    expect(parseJavaVersion(output)).toBe(major);
  });

  test('says how to install it when there is none, or an old one', async () => {
    await expect(findJava({ PATH: folder })).rejects.toMatchObject({ code: 'java-missing' });
    const old = await touch('jdk', 'bin', 'java');
    await writeFile(old, '#!/bin/sh\necho \'java version "1.8.0_1"\' >&2\n');
    await expect(findJava({ JAVA_HOME: path.join(folder, 'jdk') })).rejects.toMatchObject({ code: 'java-too-old' });
  });
});

describe('JARs', () => {
  test('have manifests of at most 72 bytes a line', () => {
    const text = manifestText({ 'Class-Path': `file:///${'long/'.repeat(60)}x.jar` });
    expect(Math.max(...text.split('\r\n').map((line) => line.length + 2))).toBeLessThanOrEqual(72);
    expect(text.replaceAll('\r\n ', '')).toContain(`Class-Path: file:///${'long/'.repeat(60)}x.jar\r\n`);
  });

  test('are named by their content', async () => {
    const write = (mainClass: string) => writeJar('test', { mainClass, classPath: ['/x.jar'] });
    const jar = await write('A');
    expect(await write('A')).toBe(jar);
    expect(await write('B')).not.toBe(jar);
    const manifest = unzipSync(await readFile(jar))['META-INF/MANIFEST.MF'];
    expect(strFromU8(manifest ?? new Uint8Array())).toContain('Main-Class: A\r\n');
  });
});

describe('ports', () => {
  test('are all different when any will do', async () => {
    const ports = Object.values(await freePorts());
    expect(new Set(ports).size).toBe(Object.keys(DEFAULT_PORTS).length);
  });

  test('that are taken are named, with who needs them', async () => {
    const ports = await freePorts();
    const squatter = createServer().listen(ports.firestore, '127.0.0.1');
    await expect(assertFree(ports)).rejects.toMatchObject({
      code: 'port-taken',
      message: expect.stringMatching(new RegExp(`Port ${ports.firestore}, which firestore needs.*--port-offset`)),
    });
    squatter.close();
  });

  test('move together', () => {
    expect(offsetPorts(100).auth).toBe(DEFAULT_PORTS.auth + 100);
  });
});

describe('kept data', () => {
  const complete = async (name: string, content: string) => {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeFile(path.join(folder, name, 'firebase-export-metadata.json'), content);
  };
  const current = () => readFile(path.join(folder, 'current', 'firebase-export-metadata.json'), 'utf8');

  test('is what the last complete export holds', async () => {
    const data = await openDataFolder(folder);
    expect(data.importFrom).toBeUndefined();
    await complete('next', 'first');
    await data.keepExport();
    expect((await openDataFolder(folder)).importFrom).toBe(path.join(folder, 'current'));
    expect(await current()).toBe('first');
  });

  test('survives an export that was interrupted', async () => {
    await complete('current', 'good');
    await mkdir(path.join(folder, 'next'));
    const data = await openDataFolder(folder);
    await data.keepExport();
    expect(await current()).toBe('good');
    expect(await readdir(folder)).toEqual(['current']);
  });

  test('includes the export of a run that was killed', async () => {
    await complete('current', 'old');
    await complete('next', 'new');
    await openDataFolder(folder);
    expect(await current()).toBe('new');
  });

  test('survives a kill between putting the old aside and the new in its place', async () => {
    await complete('previous', 'old');
    expect((await openDataFolder(folder)).importFrom).toBeDefined();
    expect(await current()).toBe('old');
  });
});

describe('schedules', () => {
  test('come at intervals', () => {
    expect(parseInterval('every 1 minutes')).toBe(60_000);
    expect(parseInterval('every 6 hours')).toBe(21_600_000);
  });

  test.each(['0 * * * *', 'every day', 'every 0 minutes'])('of the form "%s" are refused', (schedule) => {
    expect(() => parseInterval(schedule)).toThrow('none that can be run here');
  });
});

describe('a platform that cannot start', () => {
  const start = (options: Partial<Parameters<typeof startPlatform>[0]> = {}) =>
    startPlatform({ projectId: 'demo-unit', ports: 'free', log: () => {}, ...options });

  test('outside a demo project says so', async () => {
    await expect(start({ projectId: 'production' })).rejects.toMatchObject({ code: 'not-a-demo-project' });
  });

  test.each(['firestoreRules', 'storageRules'] as const)('with broken %s says where they are broken', async (which) => {
    const broken = path.join(folder, 'broken.rules');
    await writeFile(
      broken,
      "rules_version = '2';\nservice firebase.storage {\n  match /b/{b}/o { allow read: iff true; }\n}\n",
    );
    await expect(start({ rules: { [which]: broken } })).rejects.toMatchObject({
      code: 'rules-broken',
      message: expect.stringMatching(/broken\.rules:3:\d+ - /),
    });
  });

  test('with a data folder that cannot be written says so', async () => {
    await writeFile(path.join(folder, 'file'), '');
    await expect(start({ dataDir: path.join(folder, 'file', 'data') })).rejects.toMatchObject({ code: 'disk' });
  });

  test('with a part that ends by itself shows the end of its log', async () => {
    const jar = await touch('no.jar');
    await writeFile(jar, 'this is no JAR');
    const pubsub = process.env['PUBSUB_EMULATOR_BINARY_PATH'];
    process.env['PUBSUB_EMULATOR_BINARY_PATH'] = jar;
    try {
      await expect(start()).rejects.toMatchObject({ code: 'part-failed' });
    } finally {
      if (pubsub === undefined) delete process.env['PUBSUB_EMULATOR_BINARY_PATH'];
      else process.env['PUBSUB_EMULATOR_BINARY_PATH'] = pubsub;
    }
  }, 120_000);
});

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { CACHE } from './paths.ts';
import { isAlive } from './processes.ts';

const FOLDER = path.join(CACHE, 'running');

const addresses = z.object({
  auth: z.string(),
  firestore: z.string(),
  storage: z.string(),
  functions: z.string(),
  pubsub: z.string(),
  tasks: z.string(),
  eventarc: z.string(),
  hub: z.string(),
  realtime: z.string(),
});
/** Where the parts answer, each as `host:port`. */
export type Addresses = z.infer<typeof addresses>;

const runningPlatform = z.object({ pid: z.number(), projectId: z.string(), addresses });
export type RunningPlatform = z.infer<typeof runningPlatform>;

const fileOf = (projectId: string) => path.join(FOLDER, `${projectId}.json`);

export async function announceRunning(platform: RunningPlatform): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(fileOf(platform.projectId), JSON.stringify(platform));
}

export async function forgetRunning(projectId: string): Promise<void> {
  await rm(fileOf(projectId), { force: true });
}

/** The platform that `npm start` runs in this checkout, if one does. */
export async function findRunningPlatform(): Promise<RunningPlatform | undefined> {
  const names = await readdir(FOLDER).catch(() => []);
  for (const name of names) {
    const parsed = runningPlatform.safeParse(JSON.parse(await readFile(path.join(FOLDER, name), 'utf8')));
    if (parsed.success && isAlive(parsed.data.pid)) return parsed.data;
  }
  return undefined;
}

import { access, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from './start-error.ts';

/**
 * The data that is kept between runs: `current` is imported at the start. An export goes to `next` first and takes the
 * place of `current` only when it is complete, so an interrupted one costs the last run's changes and nothing else.
 */
export interface DataFolder {
  /** What to import, if there is anything. */
  importFrom: string | undefined;
  exportTo: string;
  /** Puts a complete export in its place; does nothing when there is none. */
  keepExport(): Promise<void>;
}

/** The file that firebase-tools writes last. */
const COMPLETE = 'firebase-export-metadata.json';

const exists = async (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** @throws {StartError} `disk` when the folder cannot be written */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  const current = path.join(folder, 'current');
  const next = path.join(folder, 'next');
  const previous = path.join(folder, 'previous');
  const keepExport = async () => {
    if (!(await exists(path.join(next, COMPLETE)))) return;
    await rm(previous, { recursive: true, force: true });
    if (await exists(current)) await rename(current, previous);
    await rename(next, current);
    await rm(previous, { recursive: true, force: true });
  };
  try {
    await mkdir(folder, { recursive: true });
    // A run that was killed may have left its export complete, or in pieces.
    await keepExport();
    await rm(next, { recursive: true, force: true });
  } catch (cause) {
    throw new StartError('disk', `The data folder ${folder} cannot be written: ${(cause as Error).message}`, cause);
  }
  // An interrupted exchange left only the former data.
  if (!(await exists(current)) && (await exists(previous))) await rename(previous, current);
  return {
    importFrom: (await exists(path.join(current, COMPLETE))) ? current : undefined,
    exportTo: next,
    keepExport,
  };
}

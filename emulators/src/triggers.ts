/** How the functions emulator is reached by what other emulators tell it: one path for each function that hears events. */
import { HOST } from './ports.ts';

interface Emulator {
  projectId: string;
  functionsPort: number;
}

/** Names no function, so that the emulator lists those that there are. */
const NONE = '-';

/**
 * Where to POST what a function is to hear; a schedule is heard so too.
 *
 * The emulator numbers its functions anew each time that it loads them: when their code has changed, and when background
 * triggers were off for a while. Those of an earlier number answer every request, and do nothing.
 *
 * @throws {Error} when no such function is loaded
 */
export async function triggerUrl(
  { projectId, functionsPort }: Emulator,
  region: string,
  name: string,
): Promise<string> {
  const triggers = `http://${HOST}:${functionsPort}/functions/projects/${projectId}/triggers`;
  const listed = await (await fetch(`${triggers}/${NONE}`, { method: 'POST' })).text();
  const numbers = listed
    .split(/[\s,]+/)
    .filter((key) => key.startsWith(`${region}-${name}-`))
    .map((key) => Number(key.slice(`${region}-${name}-`.length)))
    .filter(Number.isInteger);
  if (numbers.length === 0) throw new Error(`the emulator has no function ${name} that hears events`);
  return `${triggers}/${region}-${name}-${Math.max(...numbers)}`;
}

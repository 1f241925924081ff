/** How the functions emulator is reached by what other emulators tell it. */
import { HOST } from './ports.ts';

export interface Emulator {
  projectId: string;
  functionsPort: number;
}

/** Where all functions run. */
const REGION = 'us-central1';
/** Names no function, so that the emulator lists those that there are. */
const NONE = '-';

/**
 * Where to POST what a function is to get: an event, the news that it is time for a schedule, or a request.
 *
 * The emulator numbers functions that hear events anew each time that it loads them: when their code has changed, and when
 * background triggers were off for a while. Those of an earlier number answer every request, and do nothing.
 *
 * @throws {Error} when no such function is loaded
 */
export async function functionUrl({ projectId, functionsPort }: Emulator, name: string): Promise<string> {
  const origin = `http://${HOST}:${functionsPort}`;
  const triggers = `${origin}/functions/projects/${projectId}/triggers`;
  const listed = await (await fetch(`${triggers}/${NONE}`, { method: 'POST' })).text();
  const [id, keys] = [`${REGION}-${name}`, listed.split(/[\s,]+/)];
  if (keys.includes(id)) return `${origin}/${projectId}/${REGION}/${name}`;
  const numbers = keys
    .filter((key) => key.startsWith(`${id}-`))
    .map((key) => Number(key.slice(`${id}-`.length)))
    .filter(Number.isInteger);
  if (numbers.length === 0) throw new Error(`the emulator has no function ${name}`);
  return `${triggers}/${id}-${Math.max(...numbers)}`;
}

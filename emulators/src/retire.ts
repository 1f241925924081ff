/**
 * Ends the processes of functions that stand idle while memory is short: the functions emulator keeps one for each function that
 * ever ran, and one more for each time that it ran beside itself, and a hundred functions come to more memory than a laptop
 * has. In the cloud, idle instances end as well.
 *
 * A process that simply went would take with it what the emulator hands to it at that moment, and the emulator never hands
 * anything out twice. So an idle process asks the emulator for a request to its own function; whichever idle process gets that
 * is busy from then on for the emulator, and ends; the emulator starts another when it needs one.
 */
import type { Emulator } from './triggers.ts';

/** Marks the request that ends who gets it. */
export const RETIRE_HEADER = 'x-playnite-retire';
/** As a URL, since a path may have spaces, at which options are split. */
const HOOK = new URL('./retire-hook.ts', import.meta.url).href;
const EMULATOR_VARIABLE = 'PLAYNITE_FUNCTIONS_EMULATOR';

/** The variables with which the processes of functions are started, for them to retire. */
export const retiring = (emulator: Emulator): Record<string, string> => ({
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${HOOK}`.trim(),
  [EMULATOR_VARIABLE]: JSON.stringify(emulator),
});

/** What `retiring` said, in a process that was started so, with the function that the process is for. */
export function retiree(env: NodeJS.ProcessEnv): { emulator: Emulator; functionName: string } | undefined {
  const [emulator, target] = [env[EMULATOR_VARIABLE], env['FUNCTION_TARGET']];
  if (emulator === undefined || target === undefined) return undefined;
  return { emulator: JSON.parse(emulator) as Emulator, functionName: target.replaceAll('.', '-') };
}

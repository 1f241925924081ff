/** Loaded into every process below the emulator suite; does something in those of functions alone. See retire.ts. */
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { freemem, totalmem } from 'node:os';
import { RETIRE_HEADER, retiree } from './retire.ts';

/** While more of the machine's memory is free than this, an idle process is in nobody's way. */
const FREE_SHARE = 0.4;
const IDLE_MS = 20_000;

const self = retiree(process.env);
if (self) {
  let requests = 0;
  let timer: NodeJS.Timeout | undefined;
  const whenIdle = () => {
    if (freemem() > FREE_SHARE * totalmem()) timer = setTimeout(whenIdle, IDLE_MS).unref();
    // Nobody may be there to be asked any more; then the process ends with the suite.
    else void retire(self).catch(() => undefined);
  };
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    clearTimeout(timer);
    requests += 1;
    // At once: the function itself would be run otherwise, with a request that is none.
    if (request.headers[RETIRE_HEADER] !== undefined) process.exit();
  });
  subscribe('http.server.response.finish', () => {
    requests -= 1;
    if (requests === 0) timer = setTimeout(whenIdle, IDLE_MS).unref();
  });
}

async function retire({ emulator, functionName }: NonNullable<typeof self>): Promise<void> {
  const { functionUrl } = await import('./triggers.ts');
  await fetch(await functionUrl(emulator, functionName), { method: 'POST', headers: { [RETIRE_HEADER]: 'now' } });
}

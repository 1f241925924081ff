/**
 * A process as an instance of a function is one, under a steady load of calls to one dependency, for a test that has that
 * dependency stand still meanwhile. Says how each call ended. To be started with --expose-gc.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { context } from '../../functions/src/platform/context.ts';
import { classify } from '../../functions/src/platform/errors.ts';
import type { Ended, Load, Standstill } from './standstill.ts';

const { dependency, forMs, everyMs, name } = JSON.parse(process.argv[2] ?? '') as Load;
const ctx = await context();
const shape = z.object({});

/** Has the dependency keep something of this name. */
function store(id: string): Promise<void> {
  if (dependency === 'Firestore') return ctx.documents.setAll([[{ path: `${name}/${id}`, shape }, { id }]]);
  const envelope = { id, name, version: 1, at: new Date().toISOString(), data: {} };
  return ctx.publish([{ envelope, topics: [name], orderingKey: '' }]);
}

async function call(id: string): Promise<Ended> {
  const began = performance.now();
  const end = (outcome: Ended['outcome'], retryable = true): Ended => ({
    id,
    outcome,
    retryable,
    ms: performance.now() - began,
  });
  try {
    await store(id);
    return end('done');
  } catch (thrown) {
    const error = classify(thrown);
    return end(error.code, error.retryable);
  }
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

await store('first');
const heapBefore = heapBytes();
process.send?.('under load');
const calls: Promise<Ended>[] = [];
let underWay = 0;
let underWayMax = 0;
for (const end = performance.now() + forMs; performance.now() < end; await sleep(everyMs)) {
  underWay += 1;
  underWayMax = Math.max(underWayMax, underWay);
  calls.push(call(`call-${calls.length}`).finally(() => (underWay -= 1)));
}
const ended = await Promise.all(calls);
const standstill: Standstill = { ended, underWayMax, heapGrowthBytes: heapBytes() - heapBefore };
process.send?.(standstill, () => process.exit());

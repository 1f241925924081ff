import { setTimeout as sleep } from 'node:timers/promises';
import { HOST, type Part, type Ports } from './ports.ts';

/** One answer may take this long; a part that is still starting is asked again. */
const ANSWER_MAX_MS = 5_000;
const ASK_EVERY_MS = 150;

/** A request that only a working part answers, and whether the answer will do. */
interface Probe {
  path: string;
  accepts: (status: number) => boolean;
}

const answered = (status: number) => status < 500;

/** Asks each part for something that it can only say when it works, not merely for an open port. */
function probes(projectId: string, bucket: string): Partial<Record<Part, Probe>> {
  return {
    auth: { path: `/emulator/v1/projects/${projectId}/config`, accepts: (status) => status === 200 },
    // Without a token: the rules answer, and that they do is the point.
    firestore: {
      path: `/v1/projects/${projectId}/databases/(default)/documents/ready/ready`,
      accepts: (status) => status === 403 || status === 404 || status === 200,
    },
    storage: { path: `/v0/b/${bucket}/o/ready`, accepts: (status) => status === 403 || status === 404 },
    functions: { path: '/backends', accepts: (status) => status === 200 },
    pubsub: { path: `/v1/projects/${projectId}/topics`, accepts: (status) => status === 200 },
    tasks: { path: '/queueStats', accepts: answered },
    eventarc: { path: '/', accepts: answered },
    realtime: { path: '/ready', accepts: (status) => status === 200 },
  };
}

/** Waits until each of the parts really answers; rejects with the signal's reason when that comes first. */
export async function waitUntilReady(
  parts: readonly Part[],
  { ports, projectId, bucket, signal }: { ports: Ports; projectId: string; bucket: string; signal: AbortSignal },
  onReady: (part: Part) => void,
): Promise<void> {
  const all = probes(projectId, bucket);
  await Promise.all(
    parts.map(async (part) => {
      const probe = all[part];
      if (!probe) return;
      const url = `http://${HOST}:${ports[part]}${probe.path}`;
      while (!(await answers(url, probe, signal))) await sleep(ASK_EVERY_MS, undefined, { signal });
      onReady(part);
    }),
  );
}

async function answers(url: string, probe: Probe, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MAX_MS)]) });
    await response.body?.cancel();
    return probe.accepts(response.status);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Realtime servers in processes of their own, so that a test can kill one; the other side of realtime-child.ts. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AdmissionLimits } from '../../realtime-server/src/admission.ts';
import type { ClientInfo } from '../../realtime-server/src/broker/broker.ts';
import type { Limits } from '../../realtime-server/src/limits.ts';
import type { Routed } from '../../realtime-server/src/routes.ts';

export interface ChildSettings {
  /** In memory without. */
  redis?: { url: string; prefix: string };
  presenceTtlMs?: number;
  limits?: Partial<Limits>;
  admission?: Partial<AdmissionLimits>;
  /** How long the answer takes to whether a user may hear a channel. */
  authorizeAfterMs?: number;
  drainMs?: number;
}

/** What is to be seen of the process from within, after a garbage collection; sizes in bytes. */
export interface ChildStatus {
  rss: number;
  heapUsed: number;
  clients: number;
  subscriptions: number;
  channels: number;
  /** Rejections that nobody handled. */
  unhandled: number;
  /** Look-ups of who may hear a channel: all, and the most about one user and channel. */
  lookups: number;
  lookupsMax: number;
}

type Wish =
  | { do: 'publish'; publications: readonly Routed[] }
  | { do: 'disconnect'; user: string }
  | { do: 'presence'; channel: string }
  | { do: 'status' };
export type ChildCommand = Wish & { id: number };
export interface ChildAnswer {
  id: number;
  value?: unknown;
  error?: string;
}

export interface RealtimeProcess extends AsyncDisposable {
  port: number;
  endpoint: string;
  isAlive(): boolean;
  /** @throws {Error} what the server's `publish` throws, or when the process ends before it answers */
  publish(publications: readonly Routed[]): Promise<void>;
  /** Ends the connections of a user with a code after which clients come back. */
  disconnect(user: string): Promise<void>;
  presence(channel: string): Promise<ClientInfo[]>;
  status(): Promise<ChildStatus>;
  /** Resolves with the exit code when the process is gone; null when a signal ended it. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

const STARTED_WITHIN_MS = 15_000;
const ENTRY = join(import.meta.dirname, 'realtime-child.ts');

export async function startRealtimeProcess(settings: ChildSettings = {}): Promise<RealtimeProcess> {
  const child: ChildProcess = fork(ENTRY, [JSON.stringify(settings)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const atExit = () => void child.kill('SIGKILL');
  process.once('exit', atExit);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let asked = 0;

  const started = Promise.withResolvers<unknown>();
  waiting.set(0, started);
  child.on('message', ({ id, value, error }: ChildAnswer) => {
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.on('error', () => undefined);
  void exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the process has ended'));
    waiting.clear();
  });

  async function ask(wish: Wish): Promise<unknown> {
    if (!child.connected) throw new Error('the process has ended');
    asked += 1;
    const answered = Promise.withResolvers<unknown>();
    waiting.set(asked, answered);
    child.send({ ...wish, id: asked }, (error) => {
      if (error) answered.reject(error);
    });
    return await answered.promise;
  }

  async function stop(signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal);
    const [code] = await exited;
    process.off('exit', atExit);
    return code;
  }

  const late = setTimeout(() => started.reject(new Error('the process did not start')), STARTED_WITHIN_MS);
  const port = (await started.promise.finally(() => clearTimeout(late))) as number;
  return {
    port,
    endpoint: `ws://127.0.0.1:${port}/connection/websocket`,
    isAlive: () => child.exitCode === null && child.signalCode === null && child.connected,
    publish: async (publications) => void (await ask({ do: 'publish', publications })),
    disconnect: async (user) => void (await ask({ do: 'disconnect', user })),
    presence: async (channel) => (await ask({ do: 'presence', channel })) as ClientInfo[],
    status: async () => (await ask({ do: 'status' })) as ChildStatus,
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
    },
  };
}

/**
 * The functions of the social service and those who hear it, in this process and on a project of their own on the Firestore
 * emulator, with everything in the hands of the test that the cloud leaves open: which delivery comes next and how often, which
 * of the handlers under way takes its next step, and whether it dies at that step, before it was done or after.
 *
 * The functions are the deployed ones, found by their own endpoints; only the context that they use is handed in.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Context, withContext } from '../../functions/src/platform/context.ts';
import { permanent } from '../../functions/src/platform/errors.ts';
import type { OutgoingEvent } from '../../functions/src/platform/publisher.ts';
import type { OutgoingTask } from '../../functions/src/platform/task-queues.ts';
import { type Change, RecordedStore, type Step } from './recorded-documents.ts';
import { randomOf } from './random.ts';

/** Handlers under way at one moment. */
const AT_ONCE = 4;
/** What becomes of deliveries. */
interface Health {
  /** Of those that are over, so many may come once more. */
  again: number;
  /** Of the handlers, so many die, each within its first {@link DIES_WITHIN} steps. */
  dies: number;
}
const TROUBLED: Health = { again: 0.3, dies: 0.4 };
/** Nothing dies, and nothing comes a second time before `deliverAgain`. */
export const CALM: Health = { again: 1, dies: 0 };
const AGAIN_MAX = 4;
const DIES_WITHIN = 7;
/** Of the calls, so many are made once more, since their answer got lost. */
const ASKED_AGAIN = 0.3;
/** Of the transactions, so many are begun a second time. */
const CONTENDED = 0.15;
/** A task that is to come later than this comes when nothing else is left to do: a minute's wait is for what is slow. */
const WAITED_FOR_MS = 10_000;
const STEPS_MAX = 200_000;
const CRASHED = 'crashed';

type Handler = (input: unknown) => Promise<unknown>;
interface DeployedFunction {
  name: string;
  run: Handler;
  topic: string | undefined;
  document: string | undefined;
}

const exported = z.record(
  z.string(),
  z.custom<{ __endpoint: unknown; run: Handler }>((value) => typeof value === 'function'),
);
const endpoint = z.object({
  eventTrigger: z
    .object({
      eventFilters: z.record(z.string(), z.string()),
      eventFilterPathPatterns: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

/** Of the other services, what has its part in a content that is published, in what moderation decides, and in deletions. */
const OTHERS = new Set([
  'moderation-onCommentWritten',
  'moderation-onContentEdited',
  'moderation-onReportWritten',
  'moderation-onReportFiled',
  'moderation-onSubjectWritten',
  'moderation-onEntryWritten',
  'moderation-onDecided',
  'moderation-onAccountWritten',
  'moderation-onDeletionRequested',
  'content-onContentWritten',
  'content-onStandingChanged',
  'content-onEditCleared',
  'content-onDeletionRequested',
  'storage-onDeletionWritten',
  'storage-onDeletionRequested',
  'storage-onDeletionErased',
]);

async function loadFunctions(): Promise<DeployedFunction[]> {
  // The Storage trigger asks for the default bucket while its module is loaded, as it does at deployment.
  process.env['FIREBASE_CONFIG'] ??= JSON.stringify({
    projectId: 'demo-model',
    storageBucket: 'demo-model.appspot.com',
  });
  process.env['GCLOUD_PROJECT'] ??= 'demo-model';
  const services = {
    social: await import('../../functions/src/social/triggers.ts'),
    notification: await import('../../functions/src/notification/triggers.ts'),
    moderation: await import('../../functions/src/moderation/triggers.ts'),
    content: await import('../../functions/src/content/triggers.ts'),
    storage: await import('../../functions/src/storage/triggers.ts'),
  };
  return Object.entries(services)
    .flatMap(([service, functions]) =>
      Object.entries(exported.parse({ ...functions })).map(([name, deployed]): DeployedFunction => {
        const { eventTrigger } = endpoint.parse(deployed.__endpoint);
        const document = eventTrigger?.eventFilterPathPatterns?.['document'] ?? eventTrigger?.eventFilters['document'];
        return {
          name: `${service}-${name}`,
          run: (input) => Promise.resolve(deployed.run(input)),
          topic: eventTrigger?.eventFilters['topic'],
          document,
        };
      }),
    )
    .filter(({ name }) => name.startsWith('social-') || name.startsWith('notification-') || OTHERS.has(name));
}

interface Delivery {
  name: string;
  run: () => Promise<unknown>;
  /** Of a task that waits for its time. */
  notBeforeMs: number;
  times: number;
  isDone: boolean;
}

interface Run {
  delivery: Delivery;
  gates: (() => void)[];
  steps: number;
  diesAt: number;
  /** Whether the step at which it dies is still done. */
  diesAfterwards: boolean;
  isDead: boolean;
  isOver: boolean;
}

/** A platform whose deliveries come in an order, a number and a state of health that a seed decides. */
export class Chaos {
  readonly store: RecordedStore;
  readonly random: () => number;
  /** What went wrong that nobody had planned. */
  readonly defects: string[] = [];
  readonly tally = { deliveries: 0, crashes: 0, steps: 0 };
  /** The last deliveries and what came of them, for whoever looks into a failure. */
  readonly trail: string[] = [];
  readonly #health: Health;
  readonly #functions: readonly DeployedFunction[];
  readonly #queue: Delivery[] = [];
  readonly #tasks = new Set<string>();
  readonly #running = new Set<Run>();
  readonly #calls = new Set<Promise<unknown>>();

  private constructor(seed: number, functions: readonly DeployedFunction[], health: Health) {
    this.#health = health;
    this.random = randomOf(seed);
    this.#functions = functions;
    this.store = new RecordedStore(`demo-model-${seed}-${randomUUID().slice(0, 8)}`, (changes) => this.#hear(changes));
  }

  static async start(seed: number, health = TROUBLED): Promise<Chaos> {
    return new Chaos(seed, await loadFunctions(), health);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Lets the functions take so many steps, or fewer where nothing is to be done. */
  async advance(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) if (!(await this.#step())) return;
  }

  /**
   * Has everything delivered at least once, to its end; what may come again may still come again later. What is counted at the
   * end of a slot is waited for only if it is asked for.
   */
  async settle(until: 'delivered' | 'counted' = 'delivered'): Promise<void> {
    for (let steps = 0; await this.#step(until); steps += 1) {
      if (steps > STEPS_MAX) throw new Error('the functions never come to rest');
    }
  }

  /** Runs a scheduled function to its end, undisturbed. */
  async fireSchedule(name: string): Promise<void> {
    const scheduled = this.#functions.find((each) => each.name === name);
    if (!scheduled) throw new Error(`no function is called ${name}`);
    await withContext(this.undisturbed(), () => scheduled.run({}));
  }

  /** Answers what a client calls. */
  async call(work: (ctx: Context) => Promise<unknown>): Promise<void> {
    await work(this.undisturbed());
    if (this.random() < ASKED_AGAIN) await work(this.undisturbed());
  }

  /** What a function uses of which no step is in anybody's hands. */
  undisturbed(): Context {
    return this.#contextFor((work) => work());
  }

  /** One step of one handler, or the begin of a delivery. False when nothing is left to do. */
  async #step(settling?: 'delivered' | 'counted'): Promise<boolean> {
    this.tally.steps += 1;
    const now = Date.now();
    const open = this.#queue.filter((each) => !each.isDone || (!settling && each.times < AGAIN_MAX));
    const due = open.filter(({ notBeforeMs }) => notBeforeMs <= now);
    const begins = this.#running.size < AT_ONCE && due.length > 0 && (this.#running.size === 0 || this.random() < 0.2);
    if (begins) {
      this.#begin(this.pick(due));
    } else if (this.#running.size > 0) {
      const run = this.pick([...this.#running]);
      const [gate] = run.gates.splice(Math.floor(this.random() * run.gates.length), 1);
      gate?.();
    } else {
      const later = open.find(({ notBeforeMs }) => notBeforeMs > now + WAITED_FOR_MS);
      if (settling && later) this.#begin(later);
      else if (settling === 'counted' && open.length > 0) {
        await sleep(Math.min(...open.map(({ notBeforeMs }) => notBeforeMs)) - now);
        return true;
      } else return false;
    }
    await this.#quiet();
    return true;
  }

  /** Waits until every handler waits for its next step, or is over. */
  async #quiet(): Promise<void> {
    const isQuiet = () =>
      this.#calls.size === 0 && [...this.#running].every(({ isOver, gates }) => isOver || gates.length > 0);
    await turn();
    while (!isQuiet()) {
      if (this.#calls.size > 0) await Promise.allSettled(this.#calls);
      else await sleep(1);
      await turn();
    }
    for (const run of this.#running) if (run.isOver) this.#running.delete(run);
  }

  #begin(delivery: Delivery): void {
    const run: Run = {
      delivery,
      gates: [],
      steps: 0,
      diesAt: this.random() < this.#health.dies ? Math.floor(this.random() * DIES_WITHIN) : Number.POSITIVE_INFINITY,
      diesAfterwards: this.random() < 0.5,
      isDead: false,
      isOver: false,
    };
    delivery.times += 1;
    this.tally.deliveries += 1;
    this.#running.add(run);
    // One that is under way is not delivered a second time by settling; by chance it may be.
    delivery.isDone = true;
    withContext(this.#contextFor(this.#stepsOf(run)), () => {
      void delivery.run().then(
        () => this.#end(run),
        (error: unknown) => this.#end(run, error),
      );
    });
  }

  #end(run: Run, error?: unknown): void {
    const { delivery } = run;
    run.isOver = true;
    this.trail.push(`${delivery.name} ${run.isDead ? `died at step ${run.steps}` : error ? 'failed' : 'done'}`);
    if (run.isDead) {
      this.tally.crashes += 1;
      delivery.isDone = false;
    } else if (error) {
      this.defects.push(
        `${delivery.name}: ${error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)}`,
      );
    } else if (this.random() > this.#health.again || delivery.times >= AGAIN_MAX) this.#drop(delivery);
  }

  /** Has all that may come again come again, or what is meant of it: by the name of the function, and what it is told. */
  async deliverAgain(isMeant: (name: string) => boolean = () => true): Promise<void> {
    for (const delivery of this.#queue) if (isMeant(delivery.name)) delivery.isDone = false;
    await this.settle();
  }

  #drop(delivery: Delivery): void {
    if (!delivery.isDone) return;
    const at = this.#queue.indexOf(delivery);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  #stepsOf(run: Run): Step {
    const die = () => {
      run.isDead = true;
      return permanent(CRASHED, 'the process has died');
    };
    return async (work) => {
      if (run.isDead) throw die();
      await new Promise<void>((resolve) => run.gates.push(resolve));
      if (run.isDead) throw die();
      run.steps += 1;
      const isLast = run.steps > run.diesAt;
      if (isLast && !run.diesAfterwards) throw die();
      const call = work();
      this.#calls.add(call);
      try {
        const result = await call;
        if (isLast) throw die();
        return result;
      } finally {
        this.#calls.delete(call);
      }
    };
  }

  #contextFor(step: Step): Context {
    // Nothing here has a file.
    const bucket = {
      stat: () => Promise.resolve(undefined),
      list: () => Promise.resolve([]),
      urlOf: () => '',
    };
    const unused = new Proxy({}, { get: (_, name) => () => Promise.reject(new Error(`unused: ${String(name)}`)) });
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    return {
      documents: this.store.documents(step, () => this.random() < CONTENDED),
      objects: { ...(unused as Context['objects']), ...bucket },
      accounts: unused as Context['accounts'],
      publish: async (events) => {
        // Each message on its own: of several, some may have gone out when the process dies.
        for (const event of events) {
          await step(() => Promise.resolve(this.#publish(event)));
        }
      },
      enqueue: async (tasks) => {
        for (const task of tasks) {
          await step(() => Promise.resolve(this.#enqueue(task)));
        }
      },
      environment: {
        projectId: 'demo-model',
        bucket: 'demo-model.appspot.com',
        storageOrigin: 'http://storage.example',
        publicUrl: 'https://share.example',
        appUrl: 'https://app.example',
        imageClassifier: 'nsfwjs',
        videoTools: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' },
      },
      now: () => new Date(),
      log,
    };
  }

  #add(name: string, run: () => Promise<unknown>, notBeforeMs = 0): void {
    this.#queue.push({ name, run, notBeforeMs, times: 0, isDone: false });
  }

  /** Triggers of documents. */
  #hear(changes: readonly Change[]): void {
    for (const { path, before, after, at } of changes) {
      for (const { name, document, run } of this.#functions) {
        const params = document === undefined ? undefined : paramsOf(document, path);
        if (!params) continue;
        const data = { before, after };
        const event = { id: `${path} ${after.readTime.valueOf()}`, time: at.toISOString(), params, data };
        this.#add(`${name} ${path}`, () => run(event));
      }
    }
  }

  #publish({ envelope, topics }: OutgoingEvent): void {
    for (const { name, topic, run } of this.#functions) {
      if (topic === undefined || !topics.includes(topic)) continue;
      const data = Buffer.from(JSON.stringify(envelope)).toString('base64');
      // One that was published an hour ago would be too old to be tried again; here nothing is.
      const deliver = () => run({ id: envelope.id, time: new Date().toISOString(), data: { message: { data } } });
      this.#add(`${name} ${JSON.stringify(envelope.data)}`, deliver);
    }
  }

  #enqueue({ functionName, id, data, notBefore }: OutgoingTask): void {
    const queue = this.#functions.find(({ name }) => name === functionName);
    if (!queue) throw new Error(`no queue is called ${functionName}`);
    const name = `${functionName} ${id}`;
    if (this.#tasks.has(name)) return;
    this.#tasks.add(name);
    const dispatch = () => queue.run({ id, data: JSON.parse(JSON.stringify(data)) as unknown, retryCount: 0 });
    this.#add(`${name} ${JSON.stringify(data)}`, dispatch, notBefore?.getTime());
  }
}

/** What a path has in the places of a pattern (`users/{uid}`); undefined when it does not fit. */
function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, parts] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, segment] of wanted.entries()) {
    const part = parts[at] ?? '';
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = part;
    else if (segment !== part) return undefined;
  }
  return params;
}

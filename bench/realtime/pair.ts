import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Outcome, type ReceiverSpec, type Task, outcome } from './words.ts';

const RECEIVER_CORE = '1';
const RECEIVER_FILE = fileURLToPath(new URL('receive.ts', import.meta.url));
/** Longer than any task takes, connecting and draining included. */
const TASK_MAX_MS = 60_000;

/** A receiver and the server that it measures; each has a core to itself. Its disposal ends both. */
export class Pair implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #peer: string;

  private constructor(spec: ReceiverSpec) {
    this.#peer = spec.peer;
    this.#process = spawn('taskset', ['-c', RECEIVER_CORE, process.execPath, RECEIVER_FILE, JSON.stringify(spec)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = once(this.#process, 'exit');
  }

  /** Starts both, and connects the subscribers. */
  static async open(spec: ReceiverSpec, subscribers: number): Promise<Pair> {
    const pair = new Pair(spec);
    await pair.#message();
    if (subscribers > 0) await pair.run({ do: 'connect', subscribers });
    return pair;
  }

  /** @throws {Error} when a delivery is lost or comes twice, or a process fails; it says on stderr why */
  async run(task: Task): Promise<Outcome> {
    this.#process.send(task);
    return outcome.parse(await this.#message());
  }

  async #message(): Promise<unknown> {
    const ended = this.#ended.then(() => {
      throw new Error(`the measurement of ${this.#peer} failed`);
    });
    const late = AbortSignal.timeout(TASK_MAX_MS);
    const message: unknown[] = await Promise.race([once(this.#process, 'message', { signal: late }), ended]);
    return message[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}

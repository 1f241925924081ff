/** What the bench says to the processes that it loads a server with, and what they answer; each order is answered once. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A channel of publications so large that whoever does not read them is soon behind. */
export const LARGE = 'content:large';

export const readersSpec = z.object({ endpoint: z.string(), readers: z.number().int() });

/** To connect anew, to stop or go on reading, or to say how they are after so many publications. */
export const readersOrder = z.discriminatedUnion('do', [
  z.object({ do: z.literal('renew') }),
  z.object({ do: z.literal('stall') }),
  z.object({ do: z.literal('resume') }),
  z.object({ do: z.literal('report'), published: z.number().int() }),
]);

export const readersState = z.object({
  /** Readers that are subscribed, and have heard each publication once and in order, by recovery where they were away. */
  whole: z.number(),
});
export type ReadersState = z.infer<typeof readersState>;

export const abusersSpec = z.object({ abusers: z.number().int() });

/** To abuse the server of an endpoint, or none. */
export const abusersOrder = z.object({ endpoint: z.string().optional() });

/** How connections ended since the last order: how many with each close code, or status where the handshake was refused. */
export const abusersState = z.record(z.string(), z.number());

const ANSWER_MAX_MS = 30_000;

/** A process of this folder that does as it is told, and ends with its disposal. */
export class Helper<Order extends object, Answer> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #answer: z.ZodType<Answer>;
  readonly #ended: Promise<unknown>;

  /** @param spec its first argument, as JSON */
  constructor(file: URL, spec: object, answer: z.ZodType<Answer>) {
    this.#process = fork(fileURLToPath(file), [JSON.stringify(spec)]);
    this.#ended = once(this.#process, 'exit');
    this.#answer = answer;
  }

  /** @throws {Error} when the process has ended, or does not answer in time */
  async tell(order: Order): Promise<Answer> {
    const ended = this.#ended.then(() => {
      throw new Error('a helping process has ended');
    });
    const late = AbortSignal.timeout(ANSWER_MAX_MS);
    this.#process.send(order);
    const message: unknown[] = await Promise.race([once(this.#process, 'message', { signal: late }), ended]);
    return this.#answer.parse(message[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}

/** People on the public feed, as stock clients in this process, and how long what is published takes to reach them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PUBLIC_FEED } from '@playnite/contracts/realtime';
import type { Routed } from '../../realtime-server/src/routes.ts';
import { type Phone, eventually, idOf, phone, settled } from '../../test/support/live-clients.ts';
import { publicationOf } from '../../test/support/realtime.ts';
import type { RealtimeProcess } from '../../test/support/realtime-process.ts';

const SETTLED_MAX_MS = 60_000;
const DELIVERED_MAX_MS = 20_000;

/** Milliseconds from before a publication is handed to the server until one of them has it, over all of them. */
export interface Delays {
  p50: number;
  p99: number;
}

export class Audience implements Disposable {
  readonly #server: RealtimeProcess;
  readonly #phones: readonly Phone[];
  readonly #sentAt = new Map<string, number>();
  #delays: number[] = [];
  published = 0;

  private constructor(server: RealtimeProcess, people: number) {
    this.#server = server;
    this.#phones = Array.from({ length: people }, (_, nth) => phone(server.endpoint, `person${nth}`, [PUBLIC_FEED]));
    for (const { client } of this.#phones)
      client.getSubscription(PUBLIC_FEED)?.on('publication', ({ data }) => {
        this.#delays.push(performance.now() - (this.#sentAt.get(idOf(data)) ?? Number.NaN));
      });
  }

  /** Resolves when all are subscribed. */
  static async join(server: RealtimeProcess, people: number): Promise<Audience> {
    const audience = new Audience(server, people);
    await settled(audience.#phones, SETTLED_MAX_MS);
    return audience;
  }

  /**
   * Publishes so often, `e1` and so on, and waits until everybody has everything.
   *
   * @param before what goes out in the same turn of the server, before each publication
   * @throws {Error} when somebody missed something, got it twice, or was sent away
   */
  async hears(times: number, everyMs: number, before: (id: string) => Routed[] = () => []): Promise<Delays> {
    this.#delays = [];
    const accepted: Promise<void>[] = [];
    const startedAt = performance.now();
    for (let nth = 0; nth < times; nth += 1) {
      await sleep(Math.max(0, startedAt + nth * everyMs - performance.now()));
      this.published += 1;
      const id = `e${this.published}`;
      const publications = [...before(id), { channel: PUBLIC_FEED, publication: publicationOf(id) }];
      this.#sentAt.set(id, performance.now());
      accepted.push(this.#server.publish(publications));
    }
    await Promise.all(accepted);
    const due = times * this.#phones.length;
    await eventually('everybody has everything', () => this.#delays.length >= due, DELIVERED_MAX_MS);
    this.#check();
    const delays = this.#delays.toSorted((one, other) => one - other);
    const at = (share: number) => delays[Math.floor(share * (delays.length - 1))] ?? Number.NaN;
    return { p50: at(0.5), p99: at(0.99) };
  }

  #check(): void {
    for (const { heard, lost } of this.#phones) {
      const ids = heard.get(PUBLIC_FEED) ?? [];
      const isWhole = ids.length === this.published && ids.every((id, index) => id === `e${index + 1}`);
      if (!isWhole || lost.length > 0)
        throw new Error(`${ids.length} of ${this.published} came, connections ended with ${lost.join(', ')}`);
    }
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#phones) client.disconnect();
  }
}

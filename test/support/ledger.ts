/**
 * What was published, and whether every reader got it: publications are numbered by channel, and whoever reads a channel
 * must get each once and in order, or be told that some cannot be recovered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Centrifuge, type Options } from 'centrifuge';
import type { Routed } from '../../realtime-server/src/routes.ts';
import { publicationOf } from './realtime.ts';

/** Puts publications into the live stream; rejects when it cannot say that they are in it. */
export type Publish = (publications: readonly Routed[]) => Promise<void>;

interface Position {
  offset: number;
  epoch: string;
}
/** What the stock client says on entering a channel. */
interface Entered {
  wasRecovering: boolean;
  recovered: boolean;
  streamPosition?: Position | undefined;
}

/** Faults listed in full; more are counted only by the length of the list. */
const FAULTS_MAX = 50;
const RETRY_AFTER_MS = 25;
const LOOK_EVERY_MS = 20;

/** The book that a test keeps over all readers and channels. */
export class Ledger {
  /** What readers saw that must not be; a test ends with none. */
  readonly faults: string[] = [];
  /** Times that a reader was told that something is lost to it. */
  gapsTold = 0;
  /** Times that a reader came back and was told that it has everything. */
  recoveries = 0;
  /** What all readers were handed. */
  applied = 0;
  readonly #numbers = new Map<string, number>();
  readonly #readers: Reader[] = [];

  reader(name: string, channel: string): Reader {
    const reader = new Reader(this, `${name} in ${channel}`, channel);
    this.#readers.push(reader);
    return reader;
  }

  fault(text: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push(text);
  }

  /** Every reader must find the same number at the same place of a channel. */
  found(channel: string, { epoch, offset }: Position, number: number): void {
    const key = placeOf(channel, { epoch, offset });
    const known = this.#numbers.get(key);
    if (known === undefined) this.#numbers.set(key, number);
    else if (known !== number) this.fault(`${key} is ${known} to one and ${number} to another`);
  }

  /** Those who have not yet got the last publication of their channel. */
  behind(last: ReadonlyMap<string, number>): string[] {
    return this.#readers
      .filter(({ channel }) => last.has(channel))
      .filter(({ channel, number, place }) => ![number, this.#numbers.get(place)].includes(last.get(channel)))
      .map(({ name, number, channel }) => `${name}: ${number} of ${last.get(channel)}`);
  }

  /** Waits until all readers have the last publication of their channel; the names of those who have not in time. */
  async settled(last: ReadonlyMap<string, number>, withinMs: number): Promise<string[]> {
    const end = Date.now() + withinMs;
    while (this.behind(last).length > 0 && Date.now() < end) await sleep(LOOK_EVERY_MS);
    return this.behind(last);
  }
}

/** One subscription of one client, over all its connections. */
class Reader {
  readonly name: string;
  readonly channel: string;
  readonly #ledger: Ledger;
  #position: Position | undefined;
  /** The number of the last publication, and whether the next one must be the number after it. */
  number = 0;
  #isExact = false;

  constructor(ledger: Ledger, name: string, channel: string) {
    this.#ledger = ledger;
    this.name = name;
    this.channel = channel;
  }

  /** Where it is, as the ledger names it; who was told of a gap may be at a publication that it did not get. */
  get place(): string {
    return this.#position ? placeOf(this.channel, this.#position) : '';
  }

  entered({ wasRecovering, recovered, streamPosition }: Entered): void {
    if (!streamPosition) {
      this.#ledger.fault(`${this.name} was told no position`);
      return;
    }
    if (this.#position && !wasRecovering) this.#ledger.fault(`${this.name} came back, and was not told what it missed`);
    if (this.#position && recovered) {
      this.#ledger.recoveries += 1;
      if (this.#position.epoch !== streamPosition.epoch) this.#ledger.fault(`${this.name} recovered in another epoch`);
      return;
    }
    if (this.#position) this.#ledger.gapsTold += 1;
    this.#position = streamPosition;
    this.#isExact = false;
  }

  applied(offset: number | undefined, number: number): void {
    const at = this.#position;
    this.#ledger.applied += 1;
    if (!at || offset === undefined) {
      this.#ledger.fault(`${this.name} got ${number} without a position`);
      return;
    }
    const where = `${this.name} after ${this.number} at ${at.offset} of ${at.epoch}, got ${number} at ${offset}`;
    if (offset !== at.offset + 1) this.#ledger.fault(`offset: ${where}`);
    // In a new epoch, what was published when the old one was lost may come once more.
    if (this.#isExact ? number !== this.number + 1 : number < this.number) this.#ledger.fault(`number: ${where}`);
    this.#position = { offset, epoch: at.epoch };
    this.#ledger.found(this.channel, this.#position, number);
    this.number = number;
    this.#isExact = true;
  }
}

const placeOf = (channel: string, { epoch, offset }: Position): string => `${channel} ${epoch} ${offset}`;

const numberOf = (data: unknown): number => (data as { data: { number: number } }).data.number;

/** A stock client that enters what it hears in the ledger; channels that the server subscribed it to count as well. */
export function readingClient(
  ledger: Ledger,
  {
    name,
    endpoint,
    channels,
    ...options
  }: { name: string; endpoint: string; channels: readonly string[] } & Partial<Options>,
): { client: Centrifuge; codes: number[] } {
  const codes: number[] = [];
  const client = new Centrifuge(endpoint, {
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
    maxServerPingDelay: 500,
    timeout: 2_500,
    ...options,
  });
  const own = new Map<string, Reader>();
  const ownReader = (channel: string) => {
    const reader = own.get(channel) ?? ledger.reader(name, channel);
    own.set(channel, reader);
    return reader;
  };
  client.on('subscribed', (context) => ownReader(context.channel).entered(context));
  client.on('publication', ({ channel, offset, data }) => ownReader(channel).applied(offset, numberOf(data)));
  client.on('connecting', ({ code }) => void (code !== 0 && codes.push(code)));
  client.on('disconnected', ({ code }) => void (code !== 0 && codes.push(code)));
  client.on('error', () => undefined);
  for (const channel of channels) {
    const reader = ledger.reader(name, channel);
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 20, maxResubscribeDelay: 200 });
    subscription.on('subscribed', (context) => reader.entered(context));
    subscription.on('publication', ({ offset, data }) => reader.applied(offset, numberOf(data)));
    subscription.on('error', () => undefined);
    subscription.subscribe();
  }
  client.connect();
  return { client, codes };
}

export interface Publishing {
  /** Publications that were acknowledged, those that were refused, and acknowledged ones by channel. */
  readonly acknowledged: number;
  readonly refused: number;
  /** Publishes one more on each channel, and ends; resolves with the last number of each channel. */
  finish(): Promise<ReadonlyMap<string, number>>;
}

/**
 * Publishes numbered publications on each channel, one after the other: what is refused is published again, as Pub/Sub
 * would, until it is acknowledged.
 */
export function keepPublishing(channels: readonly string[], publish: Publish, everyMs: number): Publishing {
  const last = new Map<string, number>();
  const counts = { acknowledged: 0, refused: 0 };
  let isEnding = false;

  async function one(channel: string): Promise<void> {
    const number = (last.get(channel) ?? 0) + 1;
    last.set(channel, number);
    const publication = publicationOf(`${channel}/${number}`, { number });
    for (;;) {
      try {
        await publish([{ channel, publication }]);
        counts.acknowledged += 1;
        return;
      } catch {
        counts.refused += 1;
        await sleep(RETRY_AFTER_MS);
      }
    }
  }

  const loops = channels.map(async (channel) => {
    while (!isEnding) {
      await one(channel);
      await sleep(everyMs);
    }
    await one(channel);
  });

  return {
    get acknowledged() {
      return counts.acknowledged;
    },
    get refused() {
      return counts.refused;
    },
    async finish() {
      isEnding = true;
      await Promise.all(loops);
      return last;
    },
  };
}

/**
 * Rights end while they are in use: a content turns private, an owner blocks, a moderator is demoted, an account is
 * disabled. Subscriptions are asked about again when an event says so, before what follows on the channel is delivered,
 * and from time to time whatever was heard, because events get lost and some changes have none.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import {
  DISCONNECTS,
  type Disconnect,
  UNSUBSCRIBES,
  type Unsubscribe,
  parseChannel,
} from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import type { Identity } from './authenticate.ts';
import { type Authorize, type KeptVerdicts, type Permission, keepVerdicts } from './authorize.ts';
import type { Limits } from './limits.ts';
import type { RightsChange } from './routes.ts';

/** A connection, as far as rights go. */
export interface Holder {
  clientId: string;
  identity: Identity | undefined;
  /** Those of its open subscriptions. */
  channels: Iterable<string>;
  revoke(channel: string, unsubscribe: Unsubscribe): void;
  disconnect(disconnect: Disconnect): void;
  /** Looks at the token again, and draws the consequences for the connection. */
  reverify(): Promise<void>;
}

interface RightsOptions {
  authorize: Authorize;
  limits: Pick<Limits, 'recheckEveryMs' | 'reverifyEveryMs' | 'recheckPerSecondMax' | 'recheckWithinMs' | 'heldMax'>;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

interface Subscription {
  channel: string;
  holder: Holder;
}

/** What waits on one channel, the oldest first. */
interface Held {
  waiting: { change: RightsChange | undefined; deliver: () => void }[];
  /** Ends the wait: who is not cleared by now is out. */
  hurry: () => void;
}

const TICKS_PER_SECOND = 4;
/** Look-ups under way at once for one channel. */
const LOOKUPS_AT_ONCE = 64;

/** Each of its items comes up once in a period, the one that waited longest first. */
class Rounds<Item> {
  readonly #dueAt = new Map<string, { at: number; item: Item }>();
  readonly #everyMs: number;
  readonly #now: () => number;

  constructor(everyMs: number, now: () => number) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  enter(key: string, item: Item): void {
    this.#dueAt.delete(key);
    this.#dueAt.set(key, { at: this.#now() + this.#everyMs, item });
  }

  leave(key: string): void {
    this.#dueAt.delete(key);
  }

  /** What is due now, at most so many; it enters the next round. */
  take(most: number): Item[] {
    const due: Item[] = [];
    for (const [key, { at, item }] of this.#dueAt) {
      if (at > this.#now() || due.length >= most) break;
      due.push(item);
      this.enter(key, item);
    }
    return due;
  }
}

/** Who may go on hearing what, on this node; its disposal ends the rounds. */
export class Rights implements Disposable {
  readonly #options: RightsOptions;
  readonly #verdicts: KeptVerdicts;
  readonly #holders = new Map<string, Map<string, Holder>>();
  readonly #held = new Map<string, Held>();
  readonly #subscriptions: Rounds<Subscription>;
  readonly #connections: Rounds<Holder>;
  readonly #ticker: NodeJS.Timeout;

  constructor(options: RightsOptions) {
    const { authorize, limits, now } = options;
    this.#options = options;
    this.#verdicts = keepVerdicts(authorize, now);
    this.#subscriptions = new Rounds(limits.recheckEveryMs, now);
    this.#connections = new Rounds(limits.reverifyEveryMs, now);
    this.#ticker = setInterval(() => this.#tick(), 1000 / TICKS_PER_SECOND);
  }

  /** Whether the user may hear the channel. @throws {Error} when it cannot be found out */
  ask(identity: Identity, channel: string): Promise<Permission> {
    return this.#verdicts.ask(identity, channel);
  }

  /** A subscription that was allowed is asked about again from now on; one that every user may have is not. */
  enter(channel: string, holder: Holder): void {
    const kind = parseChannel(channel)?.kind;
    if (kind === 'user' || kind === 'public-feed') return;
    const holders = this.#holders.get(channel) ?? new Map<string, Holder>();
    holders.set(holder.clientId, holder);
    this.#holders.set(channel, holders);
    this.#subscriptions.enter(keyOf(channel, holder), { channel, holder });
  }

  leave(channel: string, holder: Holder): void {
    const holders = this.#holders.get(channel);
    holders?.delete(holder.clientId);
    if (holders?.size === 0) this.#holders.delete(channel);
    this.#subscriptions.leave(keyOf(channel, holder));
  }

  /** The connection's token is looked at again from now on. */
  enterConnection(holder: Holder): void {
    this.#connections.enter(holder.clientId, holder);
  }

  forgetConnection(holder: Holder): void {
    this.#connections.leave(holder.clientId);
  }

  /**
   * Carries `deliver` out, in the channel's order: at once, unless the subscribers must be asked about first or something
   * before it waits for that.
   */
  inTurn(channel: string, change: RightsChange | undefined, deliver: () => void): void {
    // Also when nobody is subscribed: somebody may be about to be, on an answer from before the change.
    if (change) this.#verdicts.forget(channel);
    const held = this.#held.get(channel);
    if (held) {
      held.waiting.push({ change, deliver });
      if (held.waiting.length > this.#options.limits.heldMax) held.hurry();
    } else if (change && this.#holders.has(channel)) {
      const first: Held = { waiting: [{ change, deliver }], hurry: () => undefined };
      this.#held.set(channel, first);
      void this.#work(channel, first);
    } else {
      deliver();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  /** Works off what is held, and what comes to it meanwhile; one re-check serves all that came before it began. */
  async #work(channel: string, held: Held): Promise<void> {
    while (held.waiting.length > 0) {
      const lastOfBatch = held.waiting.findIndex(({ change }) => change === 'after');
      const batch = held.waiting.splice(0, lastOfBatch < 0 ? held.waiting.length : lastOfBatch + 1);
      if (batch.some(({ change }) => change === 'before')) await this.#recheck(channel, held);
      for (const { deliver } of batch) deliver();
      if (lastOfBatch >= 0) await this.#recheck(channel, held);
    }
    this.#held.delete(channel);
  }

  /** Asks about every subscriber of the channel, with nothing known before believed; who is not cleared in time is out. */
  async #recheck(channel: string, held: Held): Promise<void> {
    const late = Promise.withResolvers<void>();
    held.hurry = late.resolve;
    // The hub hands publications out at the end of a turn; what came before the change is to be heard.
    await endOfTurn();
    this.#verdicts.forget(channel);
    const unclear = new Set(this.#holders.get(channel)?.values());
    const queue = [...unclear];
    const worker = async () => {
      for (let holder = queue.pop(); holder; holder = queue.pop()) {
        await this.#reask({ channel, holder });
        unclear.delete(holder);
      }
    };
    const timer = setTimeout(late.resolve, this.#options.limits.recheckWithinMs);
    await Promise.race([late.promise, Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker))]);
    clearTimeout(timer);
    queue.length = 0;
    for (const holder of unclear) holder.revoke(channel, UNSUBSCRIBES.insufficientState);
  }

  async #reask({ channel, holder }: Subscription): Promise<void> {
    const { identity } = holder;
    if (!identity) return;
    // Firestore denies everything to an expired token; the client comes back with a new one.
    if (identity.expiresAt <= this.#options.now()) {
      holder.disconnect(DISCONNECTS.expired);
      return;
    }
    try {
      const permission = await this.#verdicts.ask(identity, channel);
      if (permission !== 'allowed') holder.revoke(channel, UNSUBSCRIBES.permissionDenied);
    } catch (error) {
      this.#options.log.warn({ err: String(error) }, 'rights could not be found out');
      holder.revoke(channel, UNSUBSCRIBES.insufficientState);
    }
  }

  async #reverify(holder: Holder): Promise<void> {
    try {
      await holder.reverify();
      if (!holder.identity?.demoted) return;
      for (const channel of holder.channels) {
        if (this.#holders.get(channel)?.has(holder.clientId)) void this.#reask({ channel, holder });
      }
    } catch (error) {
      // No verdict: the next round asks again, and the token ends by itself.
      this.#options.log.warn({ err: String(error) }, 'token could not be looked at again');
    }
  }

  #tick(): void {
    const most = Math.ceil(this.#options.limits.recheckPerSecondMax / TICKS_PER_SECOND);
    for (const subscription of this.#subscriptions.take(most)) void this.#reask(subscription);
    for (const holder of this.#connections.take(most)) void this.#reverify(holder);
  }
}

const keyOf = (channel: string, { clientId }: Holder): string => `${clientId} ${channel}`;

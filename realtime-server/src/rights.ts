/**
 * Rights end while they are in use: a content turns private, an owner blocks, a moderator is demoted, an account is
 * disabled. Subscriptions are asked about again when an event says so, before what follows on the channel is delivered,
 * and from time to time whatever was heard, because events get lost and some changes have none.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { DISCONNECTS, type Disconnect, UNSUBSCRIBES, type Unsubscribe } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import {
  ACCOUNTS_AT_ONCE,
  type Authority,
  type Authorize,
  type Identity,
  type Permission,
  type Standing,
} from './authority.ts';
import type { Publication } from './broker/broker.ts';
import { type KeptVerdicts, type SharedVerdicts, keepVerdicts, notedFor } from './authorize.ts';
import type { Limits } from './limits.ts';
import type { Metrics } from './metrics.ts';

/** A connection, as far as rights go. */
export interface Holder {
  clientId: string;
  identity: Identity | undefined;
  /** Those of its open subscriptions. */
  channels: Iterable<string>;
  revoke(channel: string, unsubscribe: Unsubscribe): void;
  disconnect(disconnect: Disconnect): void;
}

export interface RightsOptions {
  authority: Pick<Authority, 'authorize' | 'standings'>;
  /** What the nodes know together. Without it nothing outlives the process, and there is no other whose publications it misses. */
  verdicts?: Omit<SharedVerdicts, 'forgetUser'>;
  metrics: Pick<Metrics, 'verdict'>;
  /** Hands out the publications that are still being gathered. */
  flush: () => void;
  limits: Pick<Limits, 'recheckEveryMs' | 'reverifyEveryMs' | 'recheckPerSecondMax' | 'recheckWithinMs' | 'heldMax'>;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

/** A channel on this node, as far as it concerns rights. */
export interface Outlet {
  readonly name: string;
  /** Takes a publication that may go out to those who are subscribed by then. */
  handOut(publication: Publication): void;
}

interface Subscription {
  channel: string;
  holder: Holder;
}

/** What waits on one channel, the oldest first. */
interface Held {
  waiting: { to: Outlet; publication: Publication }[];
  /** Ends the wait: who is not cleared by now is out. */
  hurry: () => void;
  /** Nothing waits any more. */
  idle: Promise<void>;
}

const TICKS_PER_SECOND = 4;
/** Batches of accounts looked at in one tick: 15,000 connections take their turns within 4 s. */
const BATCHES_PER_TICK = 10;
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
  /** For who is subscribed: what this node asked lately, or the authority. */
  readonly #verdicts: KeptVerdicts;
  /** For who comes: what the nodes know, or the authority. */
  readonly #welcomes: KeptVerdicts;
  readonly #holders = new Map<string, Map<string, Holder>>();
  readonly #held = new Map<string, Held>();
  readonly #subscriptions: Rounds<Subscription>;
  readonly #connections: Rounds<Holder>;
  readonly #ticker: NodeJS.Timeout;

  constructor(options: RightsOptions) {
    const { authority, limits, verdicts: shared, metrics } = options;
    // Set back, the wall clock would put off every question that is due.
    const steady = () => performance.now();
    this.#options = options;
    const look: Authorize = async (identity, channel) => {
      const permission = await authority.authorize(identity, channel);
      // What is open to all is not looked up.
      if (permission !== 'open') metrics.verdict('authority');
      return permission;
    };
    const memory = { now: steady, onKnown: () => metrics.verdict('memory') };
    const lookUp = shared ? notedFor(shared, look) : look;
    this.#verdicts = keepVerdicts(lookUp, memory);
    const known: Authorize = async (identity, channel) => {
      if (!(await shared?.allows(identity, channel))) return lookUp(identity, channel);
      metrics.verdict('nodes');
      return 'allowed';
    };
    // Of a channel that this node does not hear, what is published by another is news to Redis alone.
    const keeps = (channel: string) => this.#holders.has(channel);
    this.#welcomes = shared ? keepVerdicts(known, { ...memory, keeps }) : this.#verdicts;
    this.#subscriptions = new Rounds(limits.recheckEveryMs, steady);
    this.#connections = new Rounds(limits.reverifyEveryMs, steady);
    this.#ticker = setInterval(() => this.#tick(), 1000 / TICKS_PER_SECOND);
  }

  /** Whether a user who is about to subscribe may hear the channel. @throws {Error} when it cannot be found out */
  ask(identity: Identity, channel: string): Promise<Permission> {
    return this.#welcomes.ask(identity, channel);
  }

  /** Rights on the channel may have changed: nothing that was found out or asked before now counts on this node. */
  forget(channel: string): void {
    this.#verdicts.forget(channel);
    this.#welcomes.forget(channel);
  }

  /** The same of the user's rights, on whatever channel. */
  forgetUser(uid: string): void {
    this.#verdicts.forgetUser(uid);
    this.#welcomes.forgetUser(uid);
  }

  /** A subscription that was allowed is asked about again from now on. */
  enter(channel: string, holder: Holder): void {
    const holders = this.#holders.get(channel) ?? new Map<string, Holder>();
    holders.set(holder.clientId, holder);
    this.#holders.set(channel, holders);
    this.#subscriptions.enter(keyOf(channel, holder), { channel, holder });
  }

  leave(channel: string, holder: Holder): void {
    const holders = this.#holders.get(channel);
    holders?.delete(holder.clientId);
    if (holders?.size === 0) {
      this.#holders.delete(channel);
      // From now on it may not be heard here.
      if (this.#options.verdicts) this.#welcomes.forget(channel);
    }
    this.#subscriptions.leave(keyOf(channel, holder));
  }

  /** The connection's account is looked at again from now on. */
  enterConnection(holder: Holder): void {
    if (this.#options.authority.standings) this.#connections.enter(holder.clientId, holder);
  }

  forgetConnection(holder: Holder): void {
    this.#connections.leave(holder.clientId);
  }

  /** The connection's subscriptions are asked about now, with nothing known before believed. */
  recheck(holder: Holder): void {
    for (const channel of holder.channels) {
      if (!this.#holders.get(channel)?.has(holder.clientId)) continue;
      this.forget(channel);
      void this.#reask({ channel, holder });
    }
  }

  /**
   * Has the publication handed out in its channel's order: at once, unless the subscribers must be asked about first or
   * something before it waits for that.
   */
  inTurn(to: Outlet, publication: Publication): void {
    const { name } = to;
    const { rights: change } = publication;
    // Also when nobody is subscribed: somebody may be about to be, on an answer from before the change.
    if (change) this.forget(name);
    const held = this.#held.size > 0 ? this.#held.get(name) : undefined;
    if (held) {
      held.waiting.push({ to, publication });
      if (held.waiting.length > this.#options.limits.heldMax) held.hurry();
    } else if (change && this.#holders.has(name)) {
      const first: Held = { waiting: [{ to, publication }], hurry: () => undefined, idle: Promise.resolve() };
      this.#held.set(name, first);
      first.idle = this.#work(name, first);
    } else {
      to.handOut(publication);
    }
  }

  /** Resolves when nothing is held back on the channel; undefined when nothing is. */
  whenIdle(channel: string): Promise<void> | undefined {
    return this.#held.get(channel)?.idle;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  /** Works off what is held, and what comes to it meanwhile; one re-check serves all that came before it began. */
  async #work(channel: string, held: Held): Promise<void> {
    while (held.waiting.length > 0) {
      const lastOfBatch = held.waiting.findIndex(({ publication }) => publication.rights === 'after');
      const batch = held.waiting.splice(0, lastOfBatch < 0 ? held.waiting.length : lastOfBatch + 1);
      if (batch.some(({ publication }) => publication.rights === 'before')) await this.#recheck(channel, held);
      for (const { to, publication } of batch) to.handOut(publication);
      if (lastOfBatch >= 0) await this.#recheck(channel, held);
    }
    this.#held.delete(channel);
  }

  /** Asks about every subscriber of the channel, with nothing known before believed; who is not cleared in time is out. */
  async #recheck(channel: string, held: Held): Promise<void> {
    const late = Promise.withResolvers<void>();
    held.hurry = late.resolve;
    // The hub gathers publications before it hands them out; what came before the change is to be heard.
    this.#options.flush();
    // More changes of this turn need no look-ups of their own.
    await endOfTurn();
    this.forget(channel);
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
      if (permission !== 'allowed' && permission !== 'open') holder.revoke(channel, UNSUBSCRIBES.permissionDenied);
    } catch (error) {
      this.#options.log.warn({ err: String(error) }, 'rights could not be found out');
      holder.revoke(channel, UNSUBSCRIBES.insufficientState);
    }
  }

  /** Looks at the accounts behind connections: who signed out, was disabled or lost a role is noticed. */
  async #reverify(holders: readonly Holder[]): Promise<void> {
    const uids = [...new Set(holders.flatMap(({ identity }) => identity?.uid ?? []))];
    try {
      const standings = await this.#options.authority.standings?.(uids);
      if (standings) for (const holder of holders) this.#judge(holder, standings.get(holder.identity?.uid ?? ''));
    } catch (error) {
      // No verdict: the next round asks again, and the token ends by itself.
      this.#options.log.warn({ err: String(error) }, 'accounts could not be looked at again');
    }
  }

  #judge(holder: Holder, standing: Standing | undefined): void {
    const { identity } = holder;
    if (!identity) return;
    if (!standing || standing.signedInSince > identity.signedInAt) {
      holder.disconnect(DISCONNECTS.invalidToken);
      return;
    }
    const demoted = identity.role !== undefined && standing.role !== identity.role;
    if (demoted === identity.demoted) return;
    identity.demoted = demoted;
    this.recheck(holder);
  }

  #tick(): void {
    const most = Math.ceil(this.#options.limits.recheckPerSecondMax / TICKS_PER_SECOND);
    for (const subscription of this.#subscriptions.take(most)) void this.#reask(subscription);
    const holders = this.#connections.take(ACCOUNTS_AT_ONCE * BATCHES_PER_TICK);
    for (let at = 0; at < holders.length; at += ACCOUNTS_AT_ONCE)
      void this.#reverify(holders.slice(at, at + ACCOUNTS_AT_ONCE));
  }
}

const keyOf = (channel: string, { clientId }: Holder): string => `${clientId} ${channel}`;

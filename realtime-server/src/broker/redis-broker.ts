import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Redis } from '../redis.ts';
import { keyBase, rightsKey } from '../redis-script.ts';
import {
  type Broker,
  type BrokerEvents,
  type ClientInfo,
  type History,
  type HistoryOptions,
  type HistoryQuery,
  IDEMPOTENCY_TTL_MS,
  type Publication,
  type PublishOptions,
  type Published,
} from './broker.ts';
import { VERSION_TTL_MS, positionTtlMs } from './lifetimes.ts';
import { HISTORY, PUBLISH } from './redis-scripts.ts';
import { decodeMessage, decodePublication, encodeJoin, encodeLeave, encodePublication } from './redis-wire.ts';

interface RedisBrokerOptions {
  /** Nodes that share a prefix are one broker. Without braces, which have a meaning in the names of keys. */
  prefix: string;
  /** The clock by which publications grow old; Redis's own when left out, which all nodes share. */
  now?: () => number;
}

/** A position is kept at least so long: a reader who comes back knows that nothing, or how much, was missed. */
const POSITION_TTL_MIN_MS = 60 * 60_000;
/** The positions of channels with subscribers are kept alive well before that. */
const RENEW_EVERY_MS = POSITION_TTL_MIN_MS / 4;
/** Renewals under way at once. */
const RENEWALS_AT_ONCE = 100;
/** More than any stream has. */
const LIMIT_MAX = 1_000_000;

const publishReply = z.tuple([z.number(), z.string(), z.enum(['', 'duplicate', 'version'])]);
const historyReply = z.tuple([z.number(), z.string(), z.number()], z.string());

/**
 * The broker of many nodes, in Redis 7 or a cluster of them.
 *
 * A publication is written to the history and sent to the nodes by one script, so both have the same order. What was
 * acknowledged is lost only if Redis loses its memory: then the epoch is a new one; a replica that was behind when it took
 * over keeps the epoch, and offsets are given out anew.
 */
export class RedisBroker implements Broker {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #control: string;
  readonly #now: () => string;
  /** Epochs of this process are alike but for a number; a random one for each call would cost more than the call. */
  readonly #epochs = randomBytes(9).toString('base64url');
  #epochsBegun = 0;
  #renewer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(redis: Redis, { prefix, now }: RedisBrokerOptions) {
    if (/[{}]/.test(prefix)) throw new Error(`no prefix: ${prefix}`);
    this.#redis = redis;
    this.#prefix = prefix;
    this.#control = `${prefix}:control`;
    this.#now = now ? () => `${now()}` : () => '';
  }

  async start(events: BrokerEvents): Promise<void> {
    this.#redis.listen({
      onMessage: (name, message) => {
        if (this.#closed) return;
        if (name === this.#control) events.onControl(message);
        else hear(events, this.#channelOf(name), message);
      },
      onBack: () => {
        const channels = this.#channels();
        if (!this.#closed && channels.length > 0) events.onResume(channels);
      },
    });
    this.#renewer = setInterval(() => void this.#renew(), RENEW_EVERY_MS).unref();
    await this.#redis.subscribe(this.#control);
  }

  async subscribe(channel: string): Promise<void> {
    await this.#redis.subscribe(this.#base(channel));
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#redis.unsubscribe(this.#base(channel));
  }

  async publish(channel: string, data: string, options: PublishOptions): Promise<Published> {
    const { history, id, version, audience, rights } = options;
    const base = this.#base(channel);
    const reply = await this.#redis.run(
      PUBLISH,
      [
        `${base}:m`,
        `${base}:s`,
        base,
        `${base}:i:${id ?? ''}`,
        `${base}:v:${version?.key ?? ''}`,
        ...(rights ? [rightsKey(this.#prefix, channel)] : []),
      ],
      [
        encodePublication(data, options),
        history ? `${history.size}` : '',
        history ? `${history.ttlMs}` : '',
        history ? keptMs(history) : '',
        this.#now(),
        this.#epoch(),
        id === undefined ? '' : `${IDEMPOTENCY_TTL_MS}`,
        version ? `${version.number}` : '',
        `${VERSION_TTL_MS}`,
        audience === undefined ? '' : `=${audience}`,
      ],
    );
    const [offset, epoch, suppressed] = publishReply.parse(reply);
    const position = { offset, epoch };
    return suppressed === '' ? { position } : { position, suppressed };
  }

  async publishJoin(channel: string, info: ClientInfo): Promise<void> {
    await this.#tell(this.#base(channel), encodeJoin(info));
  }

  async publishLeave(channel: string, info: ClientInfo): Promise<void> {
    await this.#tell(this.#base(channel), encodeLeave(info));
  }

  async history(channel: string, { since, limit, reverse, history }: HistoryQuery): Promise<History> {
    const base = this.#base(channel);
    const reply = await this.#redis.run(
      HISTORY,
      [`${base}:m`, `${base}:s`],
      [
        since ? `${since.offset}` : '',
        since?.epoch ?? '',
        `${Math.min(limit, LIMIT_MAX)}`,
        reverse ? 'reverse' : '',
        `${history.ttlMs}`,
        keptMs(history),
        this.#now(),
        this.#epoch(),
      ],
    );
    const [offset, epoch, complete, ...entries] = historyReply.parse(reply);
    const publications: Publication[] = [];
    for (let index = 0; index < entries.length; index += 2)
      publications.push(decodePublication(entries[index + 1] ?? '', Number.parseInt(entries[index] ?? '', 10)));
    return { publications, position: { offset, epoch }, complete: complete === 1 };
  }

  async removeHistory(channel: string): Promise<void> {
    const key = `${this.#base(channel)}:s`;
    await this.#redis.send(key, ['DEL', key]);
  }

  async control(message: string): Promise<void> {
    await this.#tell(this.#control, message);
  }

  /** Hears nothing any more; the connection is its owner's to close. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#renewer);
  }

  async #tell(name: string, message: string): Promise<void> {
    await this.#redis.send(name, ['SPUBLISH', name, message]);
  }

  /** Keeps the positions of channels that have subscribers and are quiet: a new epoch would have all of them start over. */
  async #renew(): Promise<void> {
    const keys = this.#channels().map((channel) => `${this.#base(channel)}:m`);
    for (let index = 0; index < keys.length && !this.#closed; index += RENEWALS_AT_ONCE) {
      // One that fails is tried again by the next round, long before its time is up.
      await Promise.allSettled(
        keys
          .slice(index, index + RENEWALS_AT_ONCE)
          .map((key) => this.#redis.send(key, ['PEXPIRE', key, `${POSITION_TTL_MIN_MS}`, 'GT'])),
      );
    }
  }

  #base(channel: string): string {
    return keyBase(this.#prefix, channel);
  }

  /** Those that this node is subscribed to. */
  #channels(): string[] {
    const names = this.#redis.heard().filter((name) => name !== this.#control);
    return names.map((name) => this.#channelOf(name));
  }

  #channelOf(name: string): string {
    return name.slice(this.#base('').length - 1, -1);
  }

  #epoch(): string {
    this.#epochsBegun += 1;
    return `${this.#epochs}${this.#epochsBegun.toString(36)}`;
  }
}

function hear(events: BrokerEvents, channel: string, text: string): void {
  const message = decodeMessage(text);
  if (message.kind === 'publication') events.onPublication(channel, message.publication, message.position);
  else if (message.kind === 'join') events.onJoin(channel, message.info);
  else events.onLeave(channel, message.info);
}

const keptMs = (history: HistoryOptions): string => `${Math.max(POSITION_TTL_MIN_MS, positionTtlMs(history))}`;

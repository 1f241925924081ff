import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Identity, Permission } from './authority.ts';
import { type Redis, within } from './redis.ts';
import { keyBase, rightsKey, script } from './redis-script.ts';

interface RedisVerdictsOptions {
  /** That of the broker, whose publications make verdicts void. Without braces. */
  prefix: string;
  /** What need not be looked up is not noted either. */
  needsLookUp: (identity: Identity, channel: string) => boolean;
  /** How long a grant is believed; VERDICT_SHARED_MS if left out. */
  keptMs?: number;
  /** Grants that this node notes in that time; NOTED_MAX if left out. */
  notedMax?: number;
}

/**
 * Twice the time after which an open subscription is asked about again, which renews its grant (limits.ts): a server may
 * be away for the other half.
 */
const VERDICT_SHARED_MS = 40_000;
/** Longer than a look-up takes and its grant is believed. One that is lost sooner makes grants void, and none valid. */
const MARK_KEPT_MS = 60_000;
/** Of one node, in the time that a grant is kept. What is beyond it is not noted, and looked up again when it is needed. */
const NOTED_MAX = 100_000;
/** Firestore is asked when Redis takes longer: this saves look-ups, and must not cost anybody the connection. */
const ANSWER_WITHIN_MS = 250;
/** Who did not answer is not asked for so long: those who come next would wait in vain, one after the other. */
const LEFT_ALONE_MS = 1_000;
/** Of a SHA-256 in base64url: 128 bits and some, against which nobody finds a second token. */
const DIGEST_LENGTH = 22;

/** KEYS: a mark. ARGV: the mark if there is to be a new one, its TTL. Returns the one that holds. */
const MARK = script(`
local mark = redis.call('GET', KEYS[1])
if not mark then
  mark = ARGV[1]
  redis.call('SET', KEYS[1], mark)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return mark`);

const markReply = z.string();
/** The channel's mark and the grant, then the user's mark. */
const grantReply = z.tuple([z.tuple([z.string().nullable(), z.string().nullable()]), z.string().nullable()]);

/**
 * The grants that the nodes found out, in Redis, so that they outlive a node: whoever comes back after a restart was asked
 * about lately.
 *
 * Each channel and each user has a mark, a random word. A grant is noted under the marks that held before its look-up
 * began, and is believed as long as both still hold. What may change rights deletes a mark: the broker the channel's, in
 * one step with a publication that says so (PUBLISH), and `forgetUser` the user's. The next one is another word, so what was
 * found out before is void, also when it is noted afterwards: by a look-up that was slow, or a Redis that stood still. No
 * clock is compared, and a mark that Redis lost costs look-ups only. A replica that took over without knowing of a change
 * would have grants believed for their time, as it would have lost the publication.
 *
 * Refusals are not noted, nor is any token: a grant's name is a digest of it.
 */
export class RedisVerdicts {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #needsLookUp: RedisVerdictsOptions['needsLookUp'];
  readonly #keptMs: number;
  readonly #notedMax: number;
  /** Marks of this process are alike but for a number. */
  readonly #marks = randomBytes(9).toString('base64url');
  #marksMade = 0;
  #noted = { since: -Infinity, count: 0 };
  #leftAloneUntil = -Infinity;

  constructor(redis: Redis, options: RedisVerdictsOptions) {
    const { prefix, needsLookUp, keptMs = VERDICT_SHARED_MS, notedMax = NOTED_MAX } = options;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#needsLookUp = needsLookUp;
    this.#keptMs = keptMs;
    this.#notedMax = notedMax;
  }

  /** Whether it is noted that the user may hear the channel; false also when Redis does not say. Never rejects. */
  async allows(identity: Identity, channel: string): Promise<boolean> {
    if (!this.#needsLookUp(identity, channel)) return false;
    const mark = rightsKey(this.#prefix, channel);
    const user = this.#userKey(identity.uid);
    const noted = await this.#answer(async () => {
      const replies = await Promise.all([
        this.#redis.send(mark, ['MGET', mark, this.#grantKey(identity, channel)]),
        this.#redis.send(user, ['GET', user]),
      ]);
      const [[channelMark, grant], userMark] = grantReply.parse(replies);
      return channelMark !== null && userMark !== null && grant === marksOf(channelMark, userMark);
    });
    return noted === true;
  }

  /**
   * The marks under which the answer to a look-up may be noted, to be asked for before it begins; undefined when it is not
   * to be noted. Never rejects.
   */
  async marks(identity: Identity, channel: string): Promise<string | undefined> {
    if (!this.#needsLookUp(identity, channel) || this.#isTooMuch()) return undefined;
    const marks = await this.#answer(() =>
      Promise.all([this.#mark(rightsKey(this.#prefix, channel)), this.#mark(this.#userKey(identity.uid))]),
    );
    return marks && marksOf(...marks);
  }

  /** Notes what a look-up found out; a refusal ends what was noted before. */
  note(identity: Identity, channel: string, permission: Permission, marks: string | undefined): void {
    if (!this.#needsLookUp(identity, channel)) return;
    const key = this.#grantKey(identity, channel);
    if (permission !== 'allowed') void this.#answer(() => this.#redis.send(key, ['DEL', key]));
    else if (marks !== undefined)
      void this.#answer(() => this.#redis.send(key, ['SET', key, marks, 'PX', `${this.#keptMs}`]));
  }

  /** The user may have lost rights, on whatever channel. @throws {Error} when Redis cannot be told: it is to be tried again */
  async forgetUser(uid: string): Promise<void> {
    const key = this.#userKey(uid);
    await this.#redis.send(key, ['DEL', key]);
  }

  async #mark(key: string): Promise<string> {
    this.#marksMade += 1;
    const fresh = `${this.#marks}${this.#marksMade.toString(36)}`;
    return markReply.parse(await this.#redis.run(MARK, [key], [fresh, `${MARK_KEPT_MS}`]));
  }

  #isTooMuch(): boolean {
    const now = performance.now();
    if (now - this.#noted.since > this.#keptMs) this.#noted = { since: now, count: 0 };
    this.#noted.count += 1;
    return this.#noted.count > this.#notedMax;
  }

  /** What Redis answers; undefined when it does not in time, or did not lately. */
  async #answer<Reply>(ask: () => Promise<Reply>): Promise<Reply | undefined> {
    if (performance.now() < this.#leftAloneUntil) return undefined;
    try {
      return await within(ANSWER_WITHIN_MS, ask());
    } catch {
      // The broker's calls tell how Redis does.
      this.#leftAloneUntil = performance.now() + LEFT_ALONE_MS;
      return undefined;
    }
  }

  #userKey(uid: string): string {
    return `${this.#prefix}:rights:${uid}`;
  }

  #grantKey({ token, demoted }: Identity, channel: string): string {
    const digest = createHash('sha256').update(token).digest('base64url').slice(0, DIGEST_LENGTH);
    return `${keyBase(this.#prefix, channel)}:g:${digest}${demoted ? ':demoted' : ''}`;
  }
}

const marksOf = (channelMark: string, userMark: string): string => `${channelMark} ${userMark}`;

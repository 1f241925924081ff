/**
 * Whether what the server depends on answers. It is judged by the calls that are made anyhow: what is in trouble is asked
 * nothing more because of it.
 */
import type { Authority } from './authority.ts';

/** A call that had no answer for so long speaks against whom it was put to: longer than a busy one takes to answer. */
const OVERDUE_AFTER_MS = 3_000;
/**
 * A call that failed does so for this time: longer than from one question about a subscription to the next (limits.ts), so
 * that what fails now and then is not taken for well in between.
 */
const FAILURE_COUNTS_MS = 30_000;
/** What sees no calls is asked when somebody wants to know how it does, and at most so often: anybody may want to. */
const PROBE_EVERY_MS = 5_000;

export type Condition = 'ok' | 'degraded';

/** The calls to one dependency. */
export class Calls {
  readonly #now: () => number;
  /** The oldest first. */
  readonly #underWay = new Set<{ since: number }>();
  #failedAt = -Infinity;
  #probe: (() => Promise<unknown>) | undefined;
  #probedAt = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Notes how a call ends, and whether it takes too long. */
  follow(call: Promise<unknown>): void {
    const noted = { since: this.#now() };
    this.#underWay.add(noted);
    call.then(
      () => this.#underWay.delete(noted),
      () => {
        this.#underWay.delete(noted);
        this.failed();
      },
    );
  }

  /** Something went wrong: a call of which no more is to be noted, or none at all. */
  failed(): void {
    this.#failedAt = this.#now();
  }

  /** How to ask a dependency that talks by itself, and whose silence says nothing. */
  probeWith(probe: () => Promise<unknown>): void {
    this.#probe = probe;
  }

  /** As far as is known; begins a probe, where there is one, whose answer counts next time. */
  look(): Condition {
    const now = this.#now();
    if (this.#probe && this.#underWay.size === 0 && now - this.#probedAt >= PROBE_EVERY_MS) {
      this.#probedAt = now;
      this.follow(this.#probe());
    }
    const [oldest] = this.#underWay;
    const isOverdue = oldest !== undefined && now - oldest.since > OVERDUE_AFTER_MS;
    return isOverdue || now - this.#failedAt < FAILURE_COUNTS_MS ? 'degraded' : 'ok';
  }
}

/** How the process does: `degraded` when anything it depends on is. What nobody called lately is `ok`: nothing is known against it. */
export class Health {
  readonly #now: () => number;
  readonly #calls = new Map<string, Calls>();

  /** `now` is of a clock that is never set back, in milliseconds: set back, it would keep failures for as long. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The calls to a dependency, which is reported on from now on. */
  of(dependency: string): Calls {
    const calls = this.#calls.get(dependency) ?? new Calls(this.#now);
    this.#calls.set(dependency, calls);
    return calls;
  }

  report(): { status: Condition; dependencies: Record<string, Condition> } {
    const found = Array.from(this.#calls, ([name, calls]) => [name, calls.look()] as const);
    const status = found.some(([, condition]) => condition === 'degraded') ? 'degraded' : 'ok';
    return { status, dependencies: Object.fromEntries(found) };
  }
}

/** An authority whose calls are followed; a refusal is an answer. */
export function followedAuthority(authority: Authority, calls: Calls): Authority {
  const followed = <Result>(call: Promise<Result>): Promise<Result> => {
    calls.follow(call);
    return call;
  };
  const { standings } = authority;
  return {
    authenticate: (token) => followed(authority.authenticate(token)),
    authorize: (identity, channel) => followed(authority.authorize(identity, channel)),
    ...(standings ? { standings: (uids: readonly string[]) => followed(standings(uids)) } : {}),
    ownChannels: (identity) => authority.ownChannels(identity),
  };
}

/**
 * What a channel got within one turn of the event loop, and who of its subscribers is to get how much of it, and how.
 *
 * A write costs 4 to 6 microseconds of kernel time however little is in it, so what came in one turn is joined into
 * frames once for each format, and the same bytes serve every subscriber. Who joins within the turn has learnt of the
 * publications before from the position in its reply, and gets only those that follow.
 */
import type { ClientInfo, Publication } from './broker/broker.ts';
import { differenceOf } from './protocol/delta.ts';
import type { Push, SentPublication } from './protocol/messages.ts';
import type { Format } from './transport/transport.ts';

/** What a subscriber asked for; bits of one number, since there may be millions of subscriptions. */
export const WANTS = {
  /** To be told who comes and goes. */
  joinLeave: 1,
  /** To be sent differences. */
  delta: 2,
  /** It has got the publication that the next difference is to. */
  deltaBase: 4,
} as const;

/** One connected client, as channels see it. */
export interface Subscriber {
  readonly info: ClientInfo;
  readonly format: Format;
  /** Takes frames of its format; they are written at the end of the turn. The bytes are shared, and must not be changed. */
  deliver(frames: readonly Buffer[]): void;
}

export type Entry = Publication | { join: ClientInfo } | { leave: ClientInfo };

const isPublication = (entry: Entry): entry is Publication => 'data' in entry;

/** The pending entries of one channel; whoever owns it says when the turn is over. */
export class Outbox {
  readonly #channel: string;
  #entries: Entry[] = [];
  /** For subscribers that came within the turn: how many of the entries are not theirs. */
  #skips: Map<Subscriber, number> | undefined;
  /** The publication before those of this turn. */
  #base: Publication | undefined;

  constructor(channel: string) {
    this.#channel = channel;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Keeps an entry for the end of the turn. */
  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** From here on the client is a subscriber; what is pending came before it. */
  join(subscriber: Subscriber): void {
    if (this.#entries.length > 0) (this.#skips ??= new Map()).set(subscriber, this.#entries.length);
  }

  leave(subscriber: Subscriber): void {
    this.#skips?.delete(subscriber);
  }

  /**
   * Ends the turn: hands each subscriber its frames, in order, and keeps nothing. A subscriber that is removed from
   * `subscribers` on the way gets nothing more.
   *
   * @returns how many publications were delivered, to all subscribers together
   */
  flush(subscribers: Map<Subscriber, number>): number {
    const entries = this.#entries;
    const skips = this.#skips;
    const rendering = new Rendering(this.#channel, entries, this.#base);
    this.#entries = [];
    this.#skips = undefined;
    this.#base = rendering.last ?? this.#base;
    let deliveries = 0;
    for (const [subscriber, wants] of subscribers) {
      const { frames, publications } = rendering.for(subscriber.format, wants, skips?.get(subscriber) ?? 0);
      if (frames.length === 0) continue;
      if (publications > 0 && (wants & WANTS.delta) !== 0 && (wants & WANTS.deltaBase) === 0)
        subscribers.set(subscriber, wants | WANTS.deltaBase);
      subscriber.deliver(frames);
      deliveries += publications;
    }
    return deliveries;
  }
}

interface Rendered {
  frames: readonly Buffer[];
  publications: number;
}

const NOTHING: Rendered = { frames: [], publications: 0 };

/** The entries of one turn in each form that some subscriber needs, made when the first does. */
class Rendering {
  readonly #channel: string;
  readonly #entries: readonly Entry[];
  readonly #base: Publication | undefined;
  /** The form asked for last; nearly always the next subscriber needs the same. */
  #lastFormat: Format | undefined;
  #lastKey = -1;
  #lastRendered = NOTHING;
  /** All forms, once there is more than one. */
  #made: Map<Format, Map<number, Rendered>> | undefined;

  constructor(channel: string, entries: readonly Entry[], base: Publication | undefined) {
    this.#channel = channel;
    this.#entries = entries;
    this.#base = base;
  }

  /** The newest publication. */
  get last(): Publication | undefined {
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry && isPublication(entry)) return entry;
    }
    return undefined;
  }

  for(format: Format, wants: number, skip: number): Rendered {
    const key = skip * 8 + wants;
    if (format === this.#lastFormat && key === this.#lastKey) return this.#lastRendered;
    if (this.#lastFormat) this.#formsOf(this.#lastFormat).set(this.#lastKey, this.#lastRendered);
    const rendered = this.#made?.get(format)?.get(key) ?? this.#render(format, wants, skip);
    this.#lastFormat = format;
    this.#lastKey = key;
    this.#lastRendered = rendered;
    return rendered;
  }

  #formsOf(format: Format): Map<number, Rendered> {
    this.#made ??= new Map();
    const forms = this.#made.get(format) ?? new Map<number, Rendered>();
    this.#made.set(format, forms);
    return forms;
  }

  #render(format: Format, wants: number, skip: number): Rendered {
    const messages: Buffer[] = [];
    let publications = 0;
    let base = this.#base;
    let hasBase = (wants & WANTS.deltaBase) !== 0;
    for (const [index, entry] of this.#entries.entries()) {
      let push: Push | undefined;
      if (isPublication(entry)) {
        if (index >= skip) {
          push = {
            channel: this.#channel,
            pub: (wants & WANTS.delta) === 0 ? entry : deltaForm(entry, hasBase ? base : undefined),
          };
          publications += 1;
          hasBase = true;
        }
        base = entry;
      } else if (index >= skip && (wants & WANTS.joinLeave) !== 0) {
        push =
          'join' in entry
            ? { channel: this.#channel, join: { info: entry.join } }
            : { channel: this.#channel, leave: { info: entry.leave } };
      }
      if (push) messages.push(format.codec.encode({ push }));
    }
    return { frames: messages.length > 0 ? format.frame(messages) : [], publications };
  }
}

/**
 * A publication for a subscriber of differences: to the one before, `base`, where it has that and a difference helps. A
 * node that nobody was subscribed on knows an older one, which a subscriber that has recovered since is past.
 */
function deltaForm(publication: Publication, base: Publication | undefined): SentPublication {
  const follows = base !== undefined && (publication.offset === 0 || base.offset === publication.offset - 1);
  const difference = publication.delta && follows ? differenceOf(base.data, publication.data) : undefined;
  const { offset, data, info, tags } = publication;
  return {
    offset,
    data,
    deltaAgreed: true,
    ...(info ? { info } : {}),
    ...(tags ? { tags } : {}),
    ...(difference ? { difference } : {}),
  };
}

/** The publications of a reply, for a subscriber that asked for differences or did not. */
export function sentForm(publications: readonly Publication[], delta: boolean): readonly SentPublication[] {
  if (!delta) return publications;
  return publications.map((each, index) => deltaForm(each, publications[index - 1]));
}

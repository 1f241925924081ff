/** Who is told of what, as far as what people hush decides it: what must be there, and what may be. */

/** When something stood: since when, or until when it last did. */
class Spans {
  readonly #spans = new Map<string, { since?: number; until: number }>();

  begin(key: string, at: number): void {
    if (this.#spans.get(key)?.until === Infinity) return;
    this.#spans.set(key, { since: at, until: Infinity });
  }

  end(key: string, at: number): void {
    if (this.#spans.get(key)?.until === Infinity) this.#spans.set(key, { until: at });
  }

  /** Whether it has stood all the time since then. */
  hasStoodSince(at: number, ...keys: readonly string[]): boolean {
    return keys.some((key) => (this.#spans.get(key)?.since ?? Infinity) <= at);
  }

  /** Whether it has stood at any time since then. */
  hasStoodAfter(at: number, ...keys: readonly string[]): boolean {
    return keys.some((key) => (this.#spans.get(key)?.until ?? -Infinity) >= at);
  }
}

/** Something of which somebody is told. */
export interface Told {
  reader: string;
  /** Of the notification. */
  id: string;
  actor: string;
  contentId?: string;
  texts: readonly string[];
  at: number;
}

export const pairOf = (a: string, b: string) => `${a}>${b}`;

export class Notices {
  /** Blocks, mutes, muted threads and words, and contents that not everybody sees, by what they are of. */
  readonly spans = new Spans();
  readonly words = new Map<string, readonly string[]>();
  readonly #noted = new Map<string, Told>();

  /** Takes note of something of which somebody may be told, now or once more. */
  note(told: Told): void {
    if (told.reader === told.actor) return;
    const key = `${told.reader} ${told.id}`;
    const before = this.#noted.get(key);
    this.#noted.set(key, before ? { ...before, texts: [...before.texts, ...told.texts] } : told);
  }

  /** Nobody is to know any more. */
  forget(isMeant: (told: Told) => boolean): void {
    for (const [key, told] of this.#noted) if (isMeant(told)) this.#noted.delete(key);
  }

  muteWords(by: string, words: readonly string[], at: number): void {
    for (const word of this.words.get(by) ?? []) this.spans.end(`word ${pairOf(by, word)}`, at);
    this.words.set(by, words);
    for (const word of words) this.spans.begin(`word ${pairOf(by, word)}`, at);
  }

  /** The keys of all that may be there: what was noted, and was not unwanted all the time. */
  mayBeThere(): Set<string> {
    const may = new Set<string>();
    for (const [key, told] of this.#noted) {
      const words = (this.words.get(told.reader) ?? []).filter((word) =>
        told.texts.every((each) => each.includes(word)),
      );
      const isUnwanted =
        told.texts.length > 0 &&
        words.some((word) => this.spans.hasStoodSince(told.at, `word ${pairOf(told.reader, word)}`));
      if (!isUnwanted && !this.spans.hasStoodSince(told.at, ...hushing(told))) may.add(key);
    }
    return may;
  }

  /** Whether somebody must be told, having wanted to hear of it all the time. */
  mustBeThere(told: Told): boolean {
    const words = told.texts.flatMap((each) => each.split(' ')).map((word) => `word ${pairOf(told.reader, word)}`);
    return told.reader !== told.actor && !this.spans.hasStoodAfter(told.at, ...hushing(told), ...words);
  }
}

const hushing = ({ reader, actor, contentId }: Told): string[] => [
  `block ${pairOf(reader, actor)}`,
  `block ${pairOf(actor, reader)}`,
  `mute ${pairOf(reader, actor)}`,
  ...(contentId === undefined ? [] : [`thread ${pairOf(reader, contentId)}`]),
];

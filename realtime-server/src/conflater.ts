/** A state's publications, of which only the newest is worth publishing. */
interface State {
  /** The newest that waits, and its version. */
  next: (() => Promise<void>) | undefined;
  version: number;
  /** Settles with the publication of the newest, for everybody whose own it replaced. */
  outcome: PromiseWithResolvers<void>;
}

/**
 * Publishes the first of a state at once, and of those that follow within the window only the newest, at its end. Who
 * handed one over that was replaced learns what became of the one that replaced it, so nothing is acknowledged that is
 * not in the cache, or superseded by what is.
 */
export class Conflater {
  readonly #windowMs: number;
  readonly #states = new Map<string, State>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /**
   * @param version grows with the state: what is handed over late does not take the place of what is newer
   * @throws what `publish` throws, or what the publication throws that took this one's place
   */
  async publish(key: string, version: number, publish: () => Promise<void>): Promise<void> {
    const known = this.#states.get(key);
    if (known) {
      if (version >= known.version) Object.assign(known, { next: publish, version });
      return known.outcome.promise;
    }
    this.#states.set(key, fresh());
    setTimeout(() => this.#endWindow(key), this.#windowMs);
    return publish();
  }

  #endWindow(key: string): void {
    const state = this.#states.get(key);
    if (!state?.next) {
      this.#states.delete(key);
      return;
    }
    const { next, outcome } = state;
    this.#states.set(key, fresh());
    setTimeout(() => this.#endWindow(key), this.#windowMs);
    void next().then(outcome.resolve, outcome.reject);
  }
}

const fresh = (): State => {
  const outcome = Promise.withResolvers<void>();
  // Nobody may be waiting for it.
  outcome.promise.catch(() => undefined);
  return { next: undefined, version: -Infinity, outcome };
};

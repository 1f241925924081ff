/**
 * What the nodes of one deployment tell each other, through the broker: who is there, what all of them shall do, and what
 * one wants to know of the others.
 *
 * Nothing of it is stored or repeated: a command does not reach a node that has lost the broker at the time. What must
 * not be missed, as the end of a right, every node looks at again by itself (rights.ts).
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Broker } from '../broker/broker.ts';

/** How often a node says that it is there, and when one that says nothing is gone: two may be lost on the way. */
export const ANNOUNCE_EVERY_MS = 3_000;
export const GONE_AFTER_MS = 9_000;
/** How long the others may take to answer. */
export const REPLY_WITHIN_MS = 1_000;
/** Channels in one message of a survey's answer: some hundred kilobytes. */
const CHANNELS_A_PART = 5_000;
/** Channels that one survey brings together; what more there is is left out, and the log says so. */
const SURVEYED_CHANNELS_MAX = 100_000;
/** Questions that wait for an answer at once; one more is answered as if nobody had replied. */
const WAITING_MAX = 10_000;
/** Nodes that are kept in mind: far more than one broker carries. */
const NODES_MAX = 1_000;

const counts = z.object({
  clients: z.number(),
  users: z.number(),
  channels: z.number(),
  subscriptions: z.number(),
});
const nodeInfo = z.object({
  uid: z.string(),
  name: z.string(),
  version: z.string(),
  ...counts.shape,
  /** Seconds. */
  uptime: z.number(),
});
const target = z.object({
  user: z.string(),
  /** Only this connection of the user. */
  client: z.string().optional(),
  session: z.string().optional(),
});
const ending = z.object({ code: z.number().int(), reason: z.string() });
const from = z.string().min(1);
const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('here'), from, node: nodeInfo }),
  z.object({ type: z.literal('gone'), from }),
  z.object({ type: z.literal('disconnect'), from, ...target.shape, except: z.array(z.string()), disconnect: ending }),
  z.object({ type: z.literal('unsubscribe'), from, ...target.shape, channel: z.string(), unsubscribe: ending }),
  z.object({ type: z.literal('subscribe'), from, ...target.shape, channel: z.string() }),
  z.object({ type: z.literal('recheck'), from, user: z.string() }),
  z.object({ type: z.literal('emulate'), from, to: z.string(), id: z.string(), session: z.string(), data: z.base64() }),
  z.object({ type: z.literal('emulated'), from, to: z.string(), id: z.string(), found: z.boolean() }),
  z.object({ type: z.literal('survey'), from, id: z.string(), pattern: z.string() }),
  z.object({
    type: z.literal('surveyed'),
    from,
    to: z.string(),
    id: z.string(),
    channels: z.array(z.tuple([z.string(), z.number()])),
    last: z.boolean(),
  }),
]);

type Message = z.infer<typeof message>;
/** A node as it described itself at most GONE_AFTER_MS ago. */
export type NodeInfo = z.infer<typeof nodeInfo>;
export type Counts = z.infer<typeof counts>;
/** Connections of a user: all, or the one with this client id or session. */
export interface Target {
  user: string;
  client?: string | undefined;
  session?: string | undefined;
}
/** Code and words that a client is told; the table in contracts has the usual ones, a service may choose others. */
export type Ending = z.infer<typeof ending>;

/** What this node can do and tell. None of it may throw. */
export interface LocalNode {
  /** `except` are client ids that stay. */
  disconnectUser(target: Target, disconnect: Ending, except: readonly string[]): void;
  /** Without a channel (the empty string) from all. */
  unsubscribeUser(target: Target, channel: string, unsubscribe: Ending): void;
  /** A subscription that the server makes; the caller answers for the right to it. */
  subscribeUser(target: Target, channel: string): void;
  /** Whether the user may hear what it is subscribed to is asked again. */
  recheckUser(user: string): void;
  /** The number of subscribers by channel. */
  channels(): ReadonlyMap<string, number>;
  counts(): Counts;
  /** Commands of a client that came over another connection; false when there is no such session. */
  emulate(session: string, data: Buffer): boolean;
}

interface ClusterOptions {
  nodeId: string;
  name: string;
  version: string;
  broker: Pick<Broker, 'control'>;
  /** Epoch milliseconds. */
  now: () => number;
  log: Pick<Logger, 'warn' | 'debug'>;
  local: LocalNode;
}

/** A question under way. */
interface Waiting {
  heard(reply: Message): void;
}

/** This node among the others; it says that it is there from `start` to its disposal. */
export class Cluster implements AsyncDisposable {
  readonly #options: ClusterOptions;
  readonly #startedAt: number;
  readonly #nodes = new Map<string, { info: NodeInfo; at: number }>();
  readonly #waiting = new Map<string, Waiting>();
  #announcer: NodeJS.Timeout | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  /** Begins to announce this node; the broker must have been started. */
  start(): void {
    this.#announcer ??= setInterval(() => this.#announce(), ANNOUNCE_EVERY_MS);
    this.#announce();
  }

  /** Takes what the broker calls `onControl` with. Never throws: what cannot be read is logged and passed over. */
  receive(text: string): void {
    const parsed = message.safeParse(parseJson(text));
    if (!parsed.success) {
      this.#options.log.warn({ bytes: text.length }, 'a control message could not be read');
      return;
    }
    // What this node says to all it has done already, before it said it.
    if (parsed.data.from === this.#options.nodeId) return;
    try {
      this.#act(parsed.data);
    } catch (error) {
      this.#options.log.warn({ err: String(error), type: parsed.data.type }, 'a control message could not be followed');
    }
  }

  /**
   * Ends connections of a user on every node.
   *
   * @throws {Error} when the broker cannot be reached: then it is done on this node only
   */
  async disconnect(user: Target, disconnect: Ending, except: readonly string[] = []): Promise<void> {
    this.#options.local.disconnectUser(user, disconnect, except);
    await this.#say({ type: 'disconnect', ...user, disconnect, except: [...except] });
  }

  /**
   * Ends the user's subscription to a channel, or to all with the empty string, on every node.
   *
   * @throws {Error} when the broker cannot be reached: then it is done on this node only
   */
  async unsubscribe(user: Target, channel: string, unsubscribe: Ending): Promise<void> {
    this.#options.local.unsubscribeUser(user, channel, unsubscribe);
    await this.#say({ type: 'unsubscribe', ...user, channel, unsubscribe });
  }

  /**
   * Subscribes the user's connections on every node to a channel.
   *
   * @throws {Error} when the broker cannot be reached: then it is done on this node only
   */
  async subscribe(user: Target, channel: string): Promise<void> {
    this.#options.local.subscribeUser(user, channel);
    await this.#say({ type: 'subscribe', ...user, channel });
  }

  /**
   * Has it asked again, on every node, whether a user may hear what it is subscribed to.
   *
   * @throws {Error} when the broker cannot be reached: then it is done on this node only
   */
  async recheck(user: string): Promise<void> {
    this.#options.local.recheckUser(user);
    await this.#say({ type: 'recheck', user });
  }

  /**
   * Brings a client's commands to the node that holds its session. Resolves with whether that has it; false also when it
   * does not say so within REPLY_WITHIN_MS, or the broker cannot be reached. Never rejects. The client names the node, so
   * one that is not known is not asked for: nobody would answer, and questions that wait are few.
   */
  async emulate(nodeId: string, session: string, data: Buffer): Promise<boolean> {
    if (nodeId === this.#options.nodeId) return this.#options.local.emulate(session, data);
    if (!this.#nodes.has(nodeId)) return false;
    let found = false;
    await this.#ask(
      (id) => ({ type: 'emulate', id, to: nodeId, session, data: data.toString('base64') }),
      (reply) => {
        if (reply.type === 'emulated') found = reply.found;
        return true;
      },
    );
    return found;
  }

  /**
   * The number of subscribers by channel, over all nodes; of channels whose name fits the pattern, in which `*` stands
   * for any characters and `?` for one. Nodes that do not answer within REPLY_WITHIN_MS are missing in it, and the log
   * names them.
   */
  async channels(pattern = ''): Promise<Map<string, number>> {
    const sums = new Map<string, number>();
    let leftOut = 0;
    const add = (channel: string, subscribers: number) => {
      if (sums.has(channel) || sums.size < SURVEYED_CHANNELS_MAX) {
        sums.set(channel, (sums.get(channel) ?? 0) + subscribers);
      } else {
        leftOut += 1;
      }
    };
    for (const [channel, subscribers] of this.#matching(pattern)) add(channel, subscribers);
    const missing = new Set(this.#others());
    if (missing.size > 0) {
      await this.#ask(
        (id) => ({ type: 'survey', id, pattern }),
        (reply) => {
          if (reply.type !== 'surveyed') return false;
          for (const [channel, subscribers] of reply.channels) add(channel, subscribers);
          if (reply.last) missing.delete(reply.from);
          return missing.size === 0;
        },
      );
    }
    if (missing.size > 0) this.#options.log.warn({ nodes: [...missing] }, 'nodes did not answer a survey');
    if (leftOut > 0) this.#options.log.warn({ leftOut }, 'a survey found too many channels');
    return sums;
  }

  /** The nodes that are there, this one first. */
  info(): NodeInfo[] {
    this.#forgetGone();
    return [this.#self(), ...[...this.#nodes.values()].map(({ info }) => info)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#announcer);
    this.#announcer = undefined;
    await this.#try({ type: 'gone' });
  }

  #act(said: Message): void {
    const { local, nodeId } = this.#options;
    if ('to' in said && said.to !== nodeId) return;
    switch (said.type) {
      case 'here':
        return this.#meet(said.from, said.node);
      case 'gone':
        this.#nodes.delete(said.from);
        return;
      case 'disconnect':
        return local.disconnectUser(said, said.disconnect, said.except);
      case 'unsubscribe':
        return local.unsubscribeUser(said, said.channel, said.unsubscribe);
      case 'subscribe':
        return local.subscribeUser(said, said.channel);
      case 'recheck':
        return local.recheckUser(said.user);
      case 'emulate': {
        const found = local.emulate(said.session, Buffer.from(said.data, 'base64'));
        void this.#try({ type: 'emulated', to: said.from, id: said.id, found });
        return;
      }
      case 'survey':
        void this.#answerSurvey(said.from, said.id, said.pattern);
        return;
      case 'emulated':
      case 'surveyed':
        this.#waiting.get(said.id)?.heard(said);
    }
  }

  #meet(uid: string, info: NodeInfo): void {
    const isNew = !this.#nodes.has(uid);
    if (isNew && this.#nodes.size >= NODES_MAX) return;
    this.#nodes.set(uid, { info, at: this.#options.now() });
    // It has not heard of this one either, and would have to wait.
    if (isNew) this.#announce();
  }

  async #answerSurvey(to: string, id: string, pattern: string): Promise<void> {
    const channels = this.#matching(pattern).slice(0, SURVEYED_CHANNELS_MAX);
    let start = 0;
    do {
      const part = channels.slice(start, start + CHANNELS_A_PART);
      start += CHANNELS_A_PART;
      const isSaid = await this.#try({ type: 'surveyed', to, id, channels: part, last: start >= channels.length });
      if (!isSaid) return;
    } while (start < channels.length);
  }

  #matching(pattern: string): [string, number][] {
    const channels = [...this.#options.local.channels()];
    return pattern === '' ? channels : channels.filter(([channel]) => matches(channel, pattern));
  }

  #others(): string[] {
    this.#forgetGone();
    return [...this.#nodes.keys()];
  }

  #forgetGone(): void {
    const gone = this.#options.now() - GONE_AFTER_MS;
    for (const [uid, { at }] of this.#nodes) if (at < gone) this.#nodes.delete(uid);
  }

  #self(): NodeInfo {
    const { nodeId, name, version, local, now } = this.#options;
    const uptime = Math.floor((now() - this.#startedAt) / 1000);
    return { uid: nodeId, name, version, ...local.counts(), uptime };
  }

  #announce(): void {
    this.#forgetGone();
    void this.#try({ type: 'here', node: this.#self() });
  }

  /** Asks, and waits until `heard` has enough, or nobody answers any more. */
  async #ask(question: (id: string) => Said, heard: (reply: Message) => boolean): Promise<void> {
    if (this.#waiting.size >= WAITING_MAX) {
      this.#options.log.warn({}, 'too many questions to other nodes are under way');
      return;
    }
    const id = randomUUID();
    const enough = Promise.withResolvers<void>();
    this.#waiting.set(id, {
      heard: (reply) => {
        if (heard(reply)) enough.resolve();
      },
    });
    const timer = setTimeout(enough.resolve, REPLY_WITHIN_MS);
    if (await this.#try(question(id))) await enough.promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
  }

  async #say(said: Said): Promise<void> {
    await this.#options.broker.control(JSON.stringify({ ...said, from: this.#options.nodeId }));
  }

  /** Says something that nobody depends on; false when it could not be said. */
  async #try(said: Said): Promise<boolean> {
    try {
      await this.#say(said);
      return true;
    } catch (error) {
      this.#options.log.warn({ err: String(error), type: said.type }, 'other nodes could not be told');
      return false;
    }
  }
}

type WithoutSender<Each> = Each extends Message ? Omit<Each, 'from'> : never;
type Said = WithoutSender<Message>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a name fits a pattern of `*`, `?` and plain characters; takes at most the product of their lengths. */
function matches(name: string, pattern: string): boolean {
  let [at, patternAt, starAt, resumeAt] = [0, 0, -1, 0];
  while (at < name.length) {
    const wanted = pattern[patternAt];
    if (wanted === '*') {
      starAt = patternAt;
      resumeAt = at;
      patternAt += 1;
    } else if (wanted === '?' || wanted === name[at]) {
      at += 1;
      patternAt += 1;
    } else if (starAt >= 0) {
      resumeAt += 1;
      at = resumeAt;
      patternAt = starAt + 1;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt += 1;
  return patternAt === pattern.length;
}

import { randomUUID } from 'node:crypto';
import { DISCONNECTS, type Disconnect, ERRORS, type Unsubscribe } from '@playnite/contracts/realtime';
import type { Identity } from './authority.ts';
import type { ClientInfo } from './broker/broker.ts';
import { CommandError } from './command-error.ts';
import type { Flushable } from './hub.ts';
import type { Node } from './node.ts';
import type { Subscriber } from './outbox.ts';
import { ProtocolError } from './protocol/codec.ts';
import { type Command, type Push, type RecoverFrom, type Reply, isPong } from './protocol/messages.ts';
import type { Holder } from './rights.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Format, Transport, TransportEvents } from './transport/transport.ts';

const METHODS = [
  'connect',
  'subscribe',
  'unsubscribe',
  'publish',
  'presence',
  'presenceStats',
  'history',
  'ping',
  'send',
  'rpc',
  'refresh',
  'subRefresh',
] as const satisfies readonly Exclude<keyof Command, 'id'>[];

/**
 * One connection, from the first message to the last. Commands are worked off one after the other, in the order in which
 * they came, so that a client may send several without waiting.
 */
export class Client implements Subscriber, Holder, Flushable, TransportEvents {
  readonly clientId = randomUUID();
  /** Names the connection in the requests of a transport whose commands come apart; others could guess a client's id. */
  readonly session: string | undefined;
  readonly #transport: Transport;
  readonly #node: Node;
  readonly #subscriptions: Subscriptions;
  #identity: Identity | undefined;
  #info: ClientInfo | undefined;
  #work: Promise<void> | undefined;
  #replies: Buffer[] | undefined;
  #frames: readonly Buffer[] | undefined;
  /** The reply to `connect` is on its way; nothing else may go before it. */
  #isGreeted = false;
  #isClosed = false;
  /** Of the message that the queue begins with, where that alone is more than a queue may hold. */
  #headBytes = 0;
  #commandsThisSecond = 0;
  #secondStartedAt = 0;
  // By a clock that nobody sets, as the rate is: the wall clock's jumps are not the client's fault.
  #pingAt = Infinity;
  #pongBy = Infinity;
  /** The token must have come, or been renewed, by then. */
  #tokenBy: number;

  constructor(transport: Transport, node: Node) {
    this.#transport = transport;
    this.#node = node;
    this.#subscriptions = new Subscriptions(this, node);
    this.#tokenBy = node.now() + node.limits.authenticateWithinMs;
    this.session = transport.emulated ? randomUUID() : undefined;
    node.enter(this);
    node.metrics.opened(transport.name);
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get info(): ClientInfo {
    return (this.#info ??= { user: this.#identity?.uid ?? '', client: this.clientId });
  }

  get format(): Format {
    return this.#transport.format;
  }

  get channels(): Iterable<string> {
    return this.#subscriptions.names;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get queuedBytes(): number {
    return this.#transport.queuedBytes;
  }

  /** @inheritdoc */
  onMessage(message: Buffer): void {
    if (this.#isClosed) return;
    let commands: Command[];
    try {
      commands = this.format.codec.decode(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#node.log.error({ err: String(error) }, 'message could not be read');
      this.disconnect(DISCONNECTS.badRequest);
      return;
    }
    for (const command of commands) {
      if (isPong(command)) {
        this.#pongBy = Infinity;
      } else if (this.#isOverRate()) {
        this.disconnect(DISCONNECTS.tooManyRequests);
        return;
      } else {
        this.#enqueue(() => this.#handle(command));
      }
    }
  }

  /** @inheritdoc */
  onViolation(disconnect: Disconnect): void {
    this.disconnect(disconnect);
  }

  /** @inheritdoc */
  onClosed(): void {
    this.#release();
  }

  /** @inheritdoc */
  deliver(frames: readonly Buffer[]): void {
    if (this.#isClosed) return;
    if (this.#frames) this.#frames = [...this.#frames, ...frames];
    else {
      this.#frames = frames;
      this.#node.hub.write(this);
    }
  }

  /** @inheritdoc */
  flush(): void {
    if (!this.#frames || !this.#isGreeted) return;
    const frames = this.#frames;
    this.#frames = undefined;
    this.#send(frames);
  }

  /** Tells the client something that it did not ask for. */
  push(push: Push): void {
    if (this.#isGreeted) this.reply({ push });
    else this.deliver(this.format.frame([this.format.codec.encode({ push })]));
  }

  /** Queues a reply; those of one turn go out in one frame. */
  reply(reply: Reply): void {
    if (this.#isClosed) return;
    const message = this.format.codec.encode(reply);
    if (this.#replies) this.#replies.push(message);
    else {
      this.#replies = [message];
      queueMicrotask(() => this.#flushReplies());
    }
  }

  /** Ends the connection with a code that tells the client what to do next. */
  disconnect(disconnect: Disconnect): void {
    if (this.#isClosed) return;
    this.#flushReplies();
    if (this.#isClosed) return;
    this.#release();
    this.#node.metrics.disconnected(disconnect.code);
    this.#transport.close(disconnect, this.#node.limits.pongWithinMs);
  }

  /** Ends the connection as soon as what it has asked for is answered, at the latest after the time. */
  async disconnectWhenAnswered(disconnect: Disconnect, withinMs: number): Promise<void> {
    if (this.#work && withinMs > 0) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, withinMs);
      await Promise.race([this.#work, late.promise]);
      clearTimeout(timer);
    }
    this.disconnect(disconnect);
  }

  /** Ends one subscription; the code tells the client whether to subscribe again by itself. */
  revoke(channel: string, unsubscribe: Unsubscribe): void {
    this.#subscriptions.revoke(channel, unsubscribe);
  }

  /** Subscribes the client to a channel without its asking. */
  subscribeByServer(channel: string): void {
    this.#enqueue(() => this.#subscriptions.subscribeByServer(channel));
  }

  /** Renews what other nodes know of the client's presence. */
  renewPresence(): void {
    this.#subscriptions.renewPresence();
  }

  /** Does what is due; to be called many times in the shortest of the limits. */
  tick(now: number): void {
    const steady = performance.now();
    if (now >= this.#tokenBy) this.disconnect(this.#identity ? DISCONNECTS.expired : DISCONNECTS.stale);
    else if (steady >= this.#pongBy) this.disconnect(DISCONNECTS.noPong);
    else if (steady >= this.#pingAt) {
      this.#pingAt = steady + this.#node.limits.pingEveryMs;
      if (this.#pongBy === Infinity) this.#pongBy = steady + this.#node.limits.pongWithinMs;
      this.reply({});
    }
  }

  #release(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#replies = undefined;
    this.#frames = undefined;
    this.#subscriptions.release();
    this.#node.rights.forgetConnection(this);
    this.#node.forget(this);
    this.#node.metrics.closed(this.#transport.name);
  }

  /** Carries work out after all that was queued before. */
  #enqueue(work: () => Promise<void>): void {
    const queued = (this.#work ?? Promise.resolve()).then(work).finally(() => {
      if (this.#work === queued) this.#work = undefined;
    });
    this.#work = queued;
  }

  #isOverRate(): boolean {
    const now = performance.now();
    if (now - this.#secondStartedAt >= 1000) {
      this.#secondStartedAt = now;
      this.#commandsThisSecond = 0;
    }
    this.#commandsThisSecond += 1;
    return this.#commandsThisSecond > this.#node.limits.commandsPerSecondMax;
  }

  async #handle(command: Command): Promise<void> {
    if (this.#isClosed) return;
    const { id } = command;
    const method = METHODS.find((each) => command[each] !== undefined);
    this.#node.metrics.command(method ?? 'unknown');
    // A message to nobody: no service takes any.
    if (method === 'send' && this.#identity) return;
    if (id === 0 || (!this.#identity && method !== 'connect')) {
      this.disconnect(DISCONNECTS.badRequest);
      return;
    }
    try {
      await this.#run(id, command);
    } catch (error) {
      const reply = error instanceof CommandError ? error.reply : ERRORS.internal;
      if (!(error instanceof CommandError))
        this.#node.log.warn({ err: String(error), method }, 'command could not be carried out');
      this.#node.metrics.errored(reply.code);
      this.reply({ id, error: reply });
    }
  }

  async #run(id: number, command: Command): Promise<void> {
    const subscriptions = this.#subscriptions;
    if (command.connect) await this.#connect(id, command.connect);
    else if (command.subscribe) await subscriptions.subscribe(id, command.subscribe);
    else if (command.unsubscribe) {
      subscriptions.unsubscribe(command.unsubscribe.channel);
      this.reply({ id, unsubscribe: {} });
    } else if (command.publish) {
      await subscriptions.publish(command.publish);
      this.reply({ id, publish: {} });
    } else if (command.presence)
      this.reply({ id, presence: { presence: await subscriptions.presence(command.presence.channel) } });
    else if (command.presenceStats) {
      const { clients, users } = await subscriptions.presenceStats(command.presenceStats.channel);
      this.reply({ id, presenceStats: { numClients: clients, numUsers: users } });
    } else if (command.history) this.reply({ id, history: await subscriptions.history(command.history) });
    else if (command.refresh) await this.#refresh(id, command.refresh.token);
    else if (command.ping) this.reply({ id, ping: {} });
    // Nothing here is called by clients, and subscriptions have no tokens.
    else if (command.rpc || command.subRefresh) throw new CommandError(ERRORS.notAvailable);
    else throw new CommandError(ERRORS.methodNotFound);
  }

  async #connect(id: number, { token, subs }: NonNullable<Command['connect']>): Promise<void> {
    if (this.#identity) {
      this.disconnect(DISCONNECTS.badRequest);
      return;
    }
    const identity = await this.#authenticate(token);
    if (!identity) return;
    this.#identity = identity;
    if (!this.#node.admitUser(this, identity.uid)) {
      this.disconnect(DISCONNECTS.connectionLimit);
      return;
    }
    this.#node.rights.enterConnection(this);
    const { pingEveryMs } = this.#node.limits;
    const own = await this.#subscribeOwn(identity, subs);
    if (!own || this.#isClosed) return;
    this.#expectRefresh(identity);
    // Who came back in one storm is not to be pinged in one storm ever after.
    this.#pingAt = performance.now() + Math.random() * pingEveryMs;
    this.reply({
      id,
      connect: {
        client: this.clientId,
        version: this.#node.version,
        ...this.#lifetime(identity),
        ping: Math.max(1, Math.round(pingEveryMs / 1000)),
        pong: true,
        subs: own,
        ...(this.session === undefined ? {} : { session: this.session, node: this.#node.nodeId }),
      },
    });
    this.#isGreeted = true;
    if (this.#frames) this.#node.hub.write(this);
  }

  /** Undefined when the client has to come back: it is not connected without its own channels. */
  async #subscribeOwn(identity: Identity, from: Record<string, RecoverFrom>) {
    try {
      return await this.#subscriptions.subscribeOwn(this.#node.authority.ownChannels(identity), from);
    } catch (error) {
      this.#node.log.warn({ err: String(error) }, 'a client’s own channels could not be subscribed');
      this.disconnect(DISCONNECTS.serverError);
      return undefined;
    }
  }

  async #refresh(id: number, token: string): Promise<void> {
    const identity = await this.#authenticate(token);
    if (!identity) return;
    if (identity.uid !== this.#identity?.uid) {
      this.disconnect(DISCONNECTS.invalidToken);
      return;
    }
    this.#identity = identity;
    this.#expectRefresh(identity);
    this.reply({
      id,
      refresh: { client: this.clientId, version: this.#node.version, ...this.#lifetime(identity) },
    });
  }

  /** Undefined when the connection has ended. @throws {CommandError} for a token that the client is to renew */
  async #authenticate(token: string): Promise<Identity | undefined> {
    const verdict = await this.#node.authority.authenticate(token);
    if (this.#isClosed) return undefined;
    if (verdict === 'expired') throw new CommandError(ERRORS.tokenExpired);
    if (typeof verdict !== 'string') return verdict;
    this.disconnect(verdict === 'barred' ? DISCONNECTS.forced : DISCONNECTS.invalidToken);
    return undefined;
  }

  #lifetime({ expiresAt }: Identity): { expires?: boolean; ttl?: number } {
    if (expiresAt === Infinity) return {};
    return { expires: true, ttl: Math.max(1, Math.floor((expiresAt - this.#node.now()) / 1000)) };
  }

  #expectRefresh({ expiresAt }: Identity): void {
    this.#tokenBy = expiresAt + this.#node.limits.expiredGraceMs;
  }

  #flushReplies(): void {
    const replies = this.#replies;
    if (!replies) return;
    this.#replies = undefined;
    this.#send(this.format.frame(replies));
  }

  #send(frames: readonly Buffer[]): void {
    if (this.#isClosed) return;
    const queued = this.#transport.queuedBytes;
    let bytes = 0;
    for (const { length } of frames) bytes += length;
    const { queueBytesMax } = this.#node.limits;
    // Who has nothing waiting is not slow, however large the message; what follows a large one has room of its own.
    if (queued === 0) this.#headBytes = bytes > queueBytesMax ? bytes : 0;
    else if (queued + bytes > this.#headBytes + queueBytesMax) {
      this.disconnect(DISCONNECTS.slow);
      return;
    }
    this.#node.metrics.sent(bytes);
    this.#transport.write(frames);
  }
}

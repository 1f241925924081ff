import { randomUUID } from 'node:crypto';
import {
  DISCONNECTS,
  type Disconnect,
  ERRORS,
  type ErrorReply,
  type Unsubscribe,
  userChannel,
} from '@playnite/contracts/realtime';
import type { WebSocket } from 'ws';
import type { Identity } from './authenticate.ts';
import type { Subscriber } from './hub.ts';
import * as protocol from './protocol.ts';
import type { Holder } from './rights.ts';
import type { Node } from './server.ts';

/** A command could not be carried out; the client is told, and the connection goes on. */
class CommandError extends Error {
  readonly reply: ErrorReply;

  constructor(reply: ErrorReply) {
    super(reply.message);
    this.reply = reply;
  }
}

/** Messages that come as bytes are text all the same; the protocol has no binary frames. */
const AS_TEXT = { binary: false };

/** Characters of history in one answer; a client that wants more asks again from where it stands. */
const HISTORY_LIMIT_MAX = 500;

/**
 * One connection, from the first frame to the last. Commands are worked off one after the other, in the order in which
 * they came, so that a client may send several without waiting.
 */
export class Client implements Subscriber, Holder {
  readonly clientId = randomUUID();
  readonly #socket: WebSocket;
  readonly #node: Node;
  readonly #channels = new Set<string>();
  #identity: Identity | undefined;
  #work: Promise<void> = Promise.resolve();
  #commandsThisSecond = 0;
  #secondStartedAt = 0;
  #pinger: NodeJS.Timeout | undefined;
  #pongDue: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: WebSocket, node: Node) {
    this.#socket = socket;
    this.#node = node;
    this.#deadline = setTimeout(() => this.disconnect(DISCONNECTS.stale), node.limits.authenticateWithinMs);
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.disconnect(DISCONNECTS.badRequest);
      // A message comes as one Buffer: `ws` joins fragments unless it is told otherwise.
      else this.#receive((data as Buffer).toString());
    });
    socket.once('close', () => this.#release());
    // A broken frame or a reset connection; `close` follows.
    socket.on('error', (error) => node.log.debug({ err: error.message }, 'connection failed'));
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get channels(): Iterable<string> {
    return this.#channels;
  }

  get uid(): string {
    return this.#identity?.uid ?? '';
  }

  /** @inheritdoc */
  deliver(message: string | Buffer): void {
    if (this.#closed) return;
    const queuedBytes = this.#socket.bufferedAmount;
    // Who has nothing waiting is not slow, however large the message.
    if (queuedBytes > 0 && queuedBytes + Buffer.byteLength(message) > this.#node.limits.queueBytesMax)
      this.disconnect(DISCONNECTS.slow);
    else this.#socket.send(message, AS_TEXT);
  }

  /** Ends the connection with a code that tells the client what to do next. */
  disconnect({ code, reason }: Disconnect): void {
    if (this.#closed) return;
    this.#release();
    this.#socket.close(code, reason);
    // A reader that takes nothing in does not answer the close either.
    setTimeout(() => this.#socket.terminate(), this.#node.limits.pongWithinMs).unref();
  }

  /** Ends one subscription; the code tells the client whether to subscribe again by itself. */
  revoke(channel: string, unsubscribe: Unsubscribe): void {
    if (this.#closed || !this.#channels.has(channel)) return;
    this.#unsubscribe(channel);
    this.deliver(protocol.unsubscribePush(channel, unsubscribe));
  }

  /** Looks at the token again; ends the connection when it is no longer good. An expired one is left to its grace. */
  async reverify(): Promise<void> {
    const asked = this.#identity;
    if (!asked) return;
    const verdict = await this.#node.authenticate(asked.token);
    if (this.#closed || this.#identity !== asked || verdict === 'expired') return;
    if (verdict === 'invalid') this.disconnect(DISCONNECTS.invalidToken);
    else this.#identity = verdict;
  }

  #release(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#pinger);
    clearTimeout(this.#pongDue);
    clearTimeout(this.#deadline);
    for (const channel of this.#channels) {
      this.#node.hub.remove(channel, this.clientId);
      this.#node.rights.leave(channel, this);
    }
    this.#channels.clear();
    this.#node.rights.forgetConnection(this);
    this.#node.forget(this);
  }

  #receive(frame: string): void {
    let commands: protocol.Command[];
    try {
      commands = protocol.parseFrame(frame);
    } catch {
      this.disconnect(DISCONNECTS.badRequest);
      return;
    }
    for (const command of commands) {
      if (protocol.isPong(command)) {
        clearTimeout(this.#pongDue);
        this.#pongDue = undefined;
      } else if (this.#overRate()) {
        this.disconnect(DISCONNECTS.tooManyRequests);
        return;
      } else {
        this.#work = this.#work.then(() => this.#handle(command));
      }
    }
  }

  #overRate(): boolean {
    const now = this.#node.now();
    if (now - this.#secondStartedAt >= 1000) {
      this.#secondStartedAt = now;
      this.#commandsThisSecond = 0;
    }
    this.#commandsThisSecond += 1;
    return this.#commandsThisSecond > this.#node.limits.commandsPerSecondMax;
  }

  async #handle(command: protocol.Command): Promise<void> {
    if (this.#closed) return;
    const { id } = command;
    if (id === undefined) {
      this.disconnect(DISCONNECTS.badRequest);
      return;
    }
    try {
      const result = await this.#run(command);
      if (result) this.deliver(protocol.reply(id, result));
    } catch (error) {
      const known = error instanceof CommandError;
      if (!known) this.#node.log.warn({ err: String(error) }, 'command failed');
      this.deliver(protocol.errorReply(id, known ? error.reply : ERRORS.internal));
    }
  }

  /** The reply's method and result; undefined when the connection was ended instead. */
  async #run(command: protocol.Command): Promise<Record<string, unknown> | undefined> {
    if (command.connect) return this.#connect(command.connect);
    if (!this.#identity) {
      this.disconnect(DISCONNECTS.badRequest);
      return undefined;
    }
    if (command.subscribe) return { subscribe: await this.#subscribe(command.subscribe) };
    if (command.unsubscribe) return { unsubscribe: this.#unsubscribe(command.unsubscribe.channel) };
    if (command.presence) return { presence: { presence: this.#presence(command.presence.channel) } };
    if (command.presence_stats) return { presence_stats: this.#presenceStats(command.presence_stats.channel) };
    if (command.history) return { history: this.#history(command.history) };
    if (command.refresh) return this.#refresh(command.refresh.token);
    if (command.ping) return { ping: {} };
    // Everything that is published comes from the services.
    if (command.publish) throw new CommandError(ERRORS.permissionDenied);
    throw new CommandError(ERRORS.methodNotFound);
  }

  async #connect({ token, subs }: NonNullable<protocol.Command['connect']>) {
    if (this.#identity) {
      this.disconnect(DISCONNECTS.badRequest);
      return undefined;
    }
    const identity = await this.#authenticate(token);
    if (!identity || this.#closed) return undefined;
    this.#identity = identity;
    this.#expectRefresh(identity);
    this.#node.rights.enterConnection(this);
    this.#pinger = setInterval(() => this.#ping(), this.#node.limits.pingEveryMs);
    const own = userChannel(identity.uid);
    return {
      connect: {
        client: this.clientId,
        version: this.#node.version,
        expires: true,
        ttl: this.#secondsLeft(identity),
        ping: this.#node.limits.pingEveryMs / 1000,
        pong: true,
        subs: { [own]: this.#join(own, subs[own]) },
      },
    };
  }

  async #authenticate(token: string): Promise<Identity | undefined> {
    const verdict = await this.#node.authenticate(token);
    if (verdict === 'expired') throw new CommandError(ERRORS.tokenExpired);
    if (verdict !== 'invalid') return verdict;
    this.disconnect(DISCONNECTS.invalidToken);
    return undefined;
  }

  #secondsLeft({ expiresAt }: Identity): number {
    return Math.max(1, Math.floor((expiresAt - this.#node.now()) / 1000));
  }

  #expectRefresh({ expiresAt }: Identity): void {
    clearTimeout(this.#deadline);
    const leftMs = expiresAt + this.#node.limits.expiredGraceMs - this.#node.now();
    this.#deadline = setTimeout(() => this.disconnect(DISCONNECTS.expired), leftMs);
  }

  async #refresh(token: string) {
    const identity = await this.#authenticate(token);
    if (!identity || this.#closed) return undefined;
    if (identity.uid !== this.#identity?.uid) {
      this.disconnect(DISCONNECTS.invalidToken);
      return undefined;
    }
    this.#identity = identity;
    this.#expectRefresh(identity);
    return {
      refresh: { client: this.clientId, version: this.#node.version, expires: true, ttl: this.#secondsLeft(identity) },
    };
  }

  async #subscribe(request: NonNullable<protocol.Command['subscribe']>): Promise<protocol.Subscribed> {
    const { channel } = request;
    if (this.#channels.has(channel)) throw new CommandError(ERRORS.alreadySubscribed);
    if (this.#channels.size >= this.#node.limits.channelsMax) throw new CommandError(ERRORS.limitExceeded);
    if (!this.#identity) throw new CommandError(ERRORS.unauthorized);
    const permission = await this.#node.rights.ask(this.#identity, channel);
    if (permission === 'unknown-channel') throw new CommandError(ERRORS.unknownChannel);
    if (permission === 'denied') throw new CommandError(ERRORS.permissionDenied);
    if (!this.#closed) this.#node.rights.enter(channel, this);
    return this.#join(channel, request);
  }

  /** Enters the channel and reads what was missed, in one turn: no publication can fall between the two. */
  #join(
    channel: string,
    from: { recover?: boolean | undefined; offset?: number | undefined; epoch?: string | undefined } | undefined,
  ): protocol.Subscribed {
    if (!this.#closed) {
      this.#channels.add(channel);
      this.#node.hub.add(channel, this);
    }
    if (!from?.recover) return protocol.subscribed(this.#node.broker.position(channel));
    const history = this.#node.broker.history(channel, { offset: from.offset ?? 0, epoch: from.epoch ?? '' });
    return protocol.subscribed(history.position, history);
  }

  #unsubscribe(channel: string): Record<string, never> {
    this.#node.hub.remove(channel, this.clientId);
    this.#node.rights.leave(channel, this);
    this.#channels.delete(channel);
    return {};
  }

  #presence(channel: string): Record<string, { client: string; user: string }> {
    this.#assertSubscribed(channel);
    return Object.fromEntries(
      this.#node.hub.presence(channel).map(({ clientId, uid }) => [clientId, { client: clientId, user: uid }]),
    );
  }

  #presenceStats(channel: string): { num_clients: number; num_users: number } {
    this.#assertSubscribed(channel);
    const present = this.#node.hub.presence(channel);
    return { num_clients: present.length, num_users: new Set(present.map(({ uid }) => uid)).size };
  }

  #history({ channel, limit, since, reverse }: NonNullable<protocol.Command['history']>) {
    this.#assertSubscribed(channel);
    const most = limit < 0 ? HISTORY_LIMIT_MAX : Math.min(limit, HISTORY_LIMIT_MAX);
    const from = since ? { offset: since.offset ?? 0, epoch: since.epoch ?? '' } : undefined;
    const { publications, position, complete } = this.#node.broker.history(channel, from);
    if (!complete) throw new CommandError(ERRORS.unrecoverablePosition);
    const ordered = reverse ? publications.toReversed() : publications;
    return { publications: ordered.slice(0, most).map(protocol.decoded), ...position };
  }

  /** Who may not hear a channel may not ask about it either. */
  #assertSubscribed(channel: string): void {
    if (!this.#channels.has(channel)) throw new CommandError(ERRORS.permissionDenied);
  }

  #ping(): void {
    this.deliver(protocol.PING);
    this.#pongDue ??= setTimeout(() => this.disconnect(DISCONNECTS.noPong), this.#node.limits.pongWithinMs);
  }
}

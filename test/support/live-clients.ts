/** Many clients of one live server: stock ones that count what they hear, and bare sockets for what no honest client does. */
import { Centrifuge, type Options } from 'centrifuge';
import { WebSocket } from 'ws';

const LOOK_EVERY_MS = 5;
/** Of the client protocol, and its answer too. */
const PING = '{}';

/** Waits until something is so. @throws {Error} with what it waited for, when it does not come about in time */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Of a publication as `publicationOf` makes it. */
export const idOf = (data: unknown): string => (data as { id: string }).id;

/** What a stock client went through. */
export interface Phone {
  client: Centrifuge;
  /** Ids of what it heard, by channel, in order; recovered ones included. */
  heard: Map<string, string[]>;
  /** Codes with which connections ended that it set up again, or not. */
  lost: number[];
  /** `recovered` of each subscription that came back. */
  recovered: boolean[];
  /** Its connection stops to read, and goes on. */
  stall(): void;
  resume(): void;
}

/** A stock client on its way to connect and to subscribe. */
export function phone(
  endpoint: string,
  token: string,
  channels: readonly string[] = [],
  options: Partial<Options> = {},
): Phone {
  /** Each connection takes the place of the one before. */
  const current: { socket?: WebSocket } = {};
  class Stallable extends WebSocket {
    constructor(...words: ConstructorParameters<typeof WebSocket>) {
      super(...words);
      current.socket = this;
    }
  }
  const client = new Centrifuge(endpoint, {
    token,
    websocket: Stallable,
    minReconnectDelay: 20,
    maxReconnectDelay: 1_000,
    ...options,
  });
  const heard = new Map<string, string[]>();
  const lost: number[] = [];
  const recovered: boolean[] = [];
  client.on('connecting', ({ code }) => code > 0 && lost.push(code));
  client.on('disconnected', ({ code }) => code > 0 && lost.push(code));
  for (const channel of channels) {
    const ids: string[] = [];
    heard.set(channel, ids);
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 20, maxResubscribeDelay: 500 });
    subscription.on('publication', ({ data }) => void ids.push(idOf(data)));
    subscription.on('subscribed', (context) => context.wasRecovering && recovered.push(context.recovered));
    subscription.subscribe();
  }
  client.connect();
  return {
    client,
    heard,
    lost,
    recovered,
    stall: () => current.socket?.pause(),
    resume: () => current.socket?.resume(),
  };
}

/** Waits until all are connected, and subscribed to all that they asked for. */
export const settled = (phones: readonly Phone[], withinMs?: number): Promise<void> =>
  eventually(
    'all clients are connected and subscribed',
    () =>
      phones.every(({ client }) => client.state === 'connected') &&
      phones.every(({ client }) => Object.values(client.subscriptions()).every(({ state }) => state === 'subscribed')),
    withinMs,
  );

/** A bare socket that has been taken in; `closed` has the code with which it ended. */
export interface BareSocket {
  socket: WebSocket;
  closed: Promise<number>;
  /** Messages that came, each as it was sent. */
  received: string[];
  say(...commands: object[]): void;
}

/** @throws {Error} with the status, when the server refuses the handshake */
export async function bareSocket(endpoint: string, headers: Record<string, string> = {}): Promise<BareSocket> {
  const socket = new WebSocket(endpoint, { headers });
  const received: string[] = [];
  socket.on('message', (data) => {
    const messages = (data as Buffer).toString().split('\n');
    received.push(...messages);
    // It is alive as long as it reads.
    if (messages.includes(PING)) socket.send(PING);
  });
  const closed = new Promise<number>((resolve) => void socket.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  return {
    socket,
    closed,
    received,
    say: (...commands) => socket.send(commands.map((each) => JSON.stringify(each)).join('\n')),
  };
}

/** One that said who it is, and has been told that it is connected and subscribed. */
export async function bareSubscriber(
  endpoint: string,
  token: string,
  channels: readonly string[],
  headers: Record<string, string> = {},
): Promise<BareSocket> {
  const bare = await bareSocket(endpoint, headers);
  bare.say({ id: 1, connect: { token } }, ...channels.map((channel, nth) => ({ id: nth + 2, subscribe: { channel } })));
  const isAnswered = (id: number) => bare.received.some((message) => message.includes(`"id":${id},`));
  await eventually('a bare socket is subscribed', () => isAnswered(channels.length + 1));
  return bare;
}

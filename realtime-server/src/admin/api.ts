/**
 * The HTTP API for services and operators: `POST /api/<method>` in the shapes of Centrifugo 6, so that its libraries for
 * servers work (centrifugal.dev/docs/server/server_api). What a caller asked for and could not have is told in a reply
 * with status 200, `{"error":{"code":…,"message":…}}`; what was no request of this API has another status.
 *
 * Whoever has a key may do everything, in every channel. Without a configured key the API does not exist.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, type ErrorReply } from '@playnite/contracts/realtime';
import type { Logger } from 'pino';
import type { Broker, ClientInfo, Publication } from '../broker/broker.ts';
import type { ChannelOptions, OptionsOf } from '../channel-options.ts';
import type { Metrics } from '../metrics.ts';
import type { PresenceStore } from '../presence/presence.ts';
import type { Cluster, Ending, NodeInfo } from './cluster.ts';
import { type Method, REQUESTS, type Request, batchRequest, isMethod } from './schemas.ts';

export const API_PREFIX = '/api/';
export const BODY_BYTES_MAX = 1024 * 1024;
/** Commands of a parallel batch, or publications of a broadcast, that are under way at once. */
const AT_ONCE = 64;
/** What may be a number that JavaScript cannot hold; reading so that it is kept takes longer. */
const LONG_NUMBER = /\d{16}/;
/** What a client is told when the caller does not say; Centrifugo's DisconnectForceNoReconnect and UnsubscribeCodeServer. */
const FORCE_DISCONNECT: Ending = { code: 3503, reason: 'force disconnect' };
const SERVER_UNSUBSCRIBE: Ending = { code: 2000, reason: 'server unsubscribe' };

/** A request that has an error for an answer. */
class Refusal extends Error {
  readonly reply: ErrorReply;

  constructor(reply: ErrorReply) {
    super(reply.message);
    this.reply = reply;
  }
}

export interface AdminApi {
  /** Whether the headers carry one of the keys; takes the same time whatever they carry. */
  authorized(headers: IncomingHttpHeaders): boolean;
  /** Answers a request whose path begins with API_PREFIX. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** The API for holders of one of the keys; several keys hold at once, so that each can be replaced. */
export function createAdminApi(needs: Needs, keys: readonly string[]): AdminApi {
  const digests = keys.map(digest);
  const authorized = (headers: IncomingHttpHeaders): boolean => {
    const given = digest(keyOf(headers) ?? '');
    let isKnown = false;
    for (const known of digests) isKnown = timingSafeEqual(given, known) || isKnown;
    return isKnown;
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    const [path = ''] = (request.url ?? '').split('?');
    const method = path.slice(API_PREFIX.length);
    if (keys.length === 0) return refuse(404, ERRORS.methodNotFound);
    if (!authorized(request.headers)) return refuse(401, ERRORS.unauthorized);
    if (method !== 'batch' && !isMethod(method)) return refuse(404, ERRORS.methodNotFound);
    if (request.method !== 'POST') return refuse(405, ERRORS.badRequest);
    const body = await readBody(request);
    if (body === undefined) return refuse(413, ERRORS.limitExceeded);
    const parsed = parseJson(body);
    if (parsed === undefined) return refuse(400, ERRORS.badRequest);
    const reply = method === 'batch' ? await runBatch(needs, parsed.json) : await run(needs, method, parsed.json);
    return 'error' in reply
      ? refuse(200, reply.error)
      : { status: 200, code: 0, text: method === 'batch' ? reply.result : `{"result":${reply.result}}` };
  }

  return {
    authorized,
    async handle(request, response) {
      try {
        const { status, code, text } = await answer(request);
        needs.metrics.adminRequest(code);
        response.writeHead(status, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          ...(status === 405 && { allow: 'POST' }),
          // The rest of a body that was not read is not waited for.
          ...(status !== 200 && { connection: 'close' }),
        });
        response.end(text);
      } catch (error) {
        // The caller is gone amid its request.
        needs.log.debug({ err: String(error) }, 'an API request broke off');
        response.destroy();
      }
    },
  };
}

interface Answer {
  status: number;
  /** The error's, for the metrics; 0 is none. */
  code: number;
  text: string;
}

/** Results are JSON text: publications are passed on as they were published. */
type Reply = { result: string } | { error: ErrorReply };

const errorText = ({ code, message }: ErrorReply): string => JSON.stringify({ error: { code, message } });
const refuse = (status: number, error: ErrorReply): Answer => ({ status, code: error.code, text: errorText(error) });

/** Carries one command out, whatever it is; never rejects. */
async function run(needs: Needs, method: Method, json: unknown): Promise<Reply> {
  const parsed = REQUESTS[method].safeParse(json);
  if (!parsed.success) return { error: ERRORS.badRequest };
  try {
    // Each request was parsed by the schema of its method.
    const execute = METHODS[method] as (needs: Needs, request: unknown) => Promise<string>;
    return { result: await execute(needs, parsed.data) };
  } catch (error) {
    if (error instanceof Refusal) return { error: error.reply };
    needs.log.error({ err: String(error), method }, 'an API request could not be carried out');
    return { error: ERRORS.internal };
  }
}

/** Its commands one after the other, or, when the caller says so, side by side; one that fails does not stop the others. */
async function runBatch(needs: Needs, json: unknown): Promise<Reply> {
  const parsed = batchRequest.safeParse(json);
  if (!parsed.success) return { error: ERRORS.badRequest };
  const { commands, parallel } = parsed.data;
  const replies = await eachOf(commands, parallel ? AT_ONCE : 1, async (command) => {
    const [method] = Object.keys(command);
    if (method === undefined || !isMethod(method)) return errorText(ERRORS.methodNotFound);
    const reply = await run(needs, method, command[method]);
    return 'error' in reply ? errorText(reply.error) : `{"${method}":${reply.result}}`;
  });
  return { result: `{"replies":[${replies.join(',')}]}` };
}

const METHODS: { [Name in Method]: (needs: Needs, request: Request<Name>) => Promise<string> } = {
  async publish(needs, request) {
    return publish(needs, request.channel, request, JSON.stringify(request.data));
  },

  async broadcast(needs, request) {
    const data = JSON.stringify(request.data);
    const responses = await eachOf(request.channels, AT_ONCE, async (channel) => {
      try {
        return `{"result":${await publish(needs, channel, request, data)}}`;
      } catch (error) {
        if (!(error instanceof Refusal))
          needs.log.error({ err: String(error), channel }, 'a broadcast missed a channel');
        return errorText(error instanceof Refusal ? error.reply : ERRORS.internal);
      }
    });
    return `{"responses":[${responses.join(',')}]}`;
  },

  async subscribe({ optionsOf, cluster }, { channel, ...target }) {
    known(optionsOf, channel);
    await cluster.subscribe(target, channel);
    return '{}';
  },

  async unsubscribe({ optionsOf, cluster }, { channel, ...target }) {
    if (channel !== '') known(optionsOf, channel);
    await cluster.unsubscribe(target, channel, SERVER_UNSUBSCRIBE);
    return '{}';
  },

  async disconnect({ cluster }, { disconnect, whitelist, ...target }) {
    await cluster.disconnect(target, disconnect ?? FORCE_DISCONNECT, whitelist);
    return '{}';
  },

  /** How long a connection lasts is said by its token, which only its issuer can prolong. */
  refresh() {
    throw new Refusal(ERRORS.notAvailable);
  },

  async presence({ optionsOf, presence }, { channel }) {
    if (!known(optionsOf, channel).presence) throw new Refusal(ERRORS.notAvailable);
    return JSON.stringify({ presence: Object.fromEntries(await presence.get(channel)) });
  },

  async presence_stats({ optionsOf, presence }, { channel }) {
    if (!known(optionsOf, channel).presence) throw new Refusal(ERRORS.notAvailable);
    const { clients, users } = await presence.stats(channel);
    return JSON.stringify({ num_clients: clients, num_users: users });
  },

  async history({ optionsOf, broker }, { channel, limit, since, reverse }) {
    const { history } = known(optionsOf, channel);
    if (!history) throw new Refusal(ERRORS.notAvailable);
    const { publications, position, complete } = await broker.history(channel, {
      limit: limit < 0 ? history.size : Math.min(limit, history.size),
      ...(since && { since }),
      reverse,
      history,
    });
    if (since && !complete) throw new Refusal(ERRORS.unrecoverablePosition);
    const { offset, epoch } = position;
    return `{"publications":[${publications.map(publicationText).join(',')}],"epoch":${JSON.stringify(epoch)},"offset":${offset}}`;
  },

  async history_remove({ optionsOf, broker }, { channel }) {
    if (!known(optionsOf, channel).history) throw new Refusal(ERRORS.notAvailable);
    await broker.removeHistory(channel);
    return '{}';
  },

  async channels({ cluster }, { pattern }) {
    const channels: Record<string, { num_clients: number }> = {};
    for (const [name, clients] of await cluster.channels(pattern)) channels[name] = { num_clients: clients };
    return JSON.stringify({ channels });
  },

  async info({ cluster }) {
    return JSON.stringify({ nodes: cluster.info().map(nodeReply) });
  },

  /** There are no methods to call: clients call the platform's functions. */
  rpc() {
    throw new Refusal(ERRORS.notAvailable);
  },
};

/** @throws {Refusal} when no channel can have the name */
function known(optionsOf: OptionsOf, channel: string): ChannelOptions {
  const options = optionsOf(channel);
  if (!options) throw new Refusal(ERRORS.unknownChannel);
  return options;
}

async function publish(
  { optionsOf, publishesDelta, broker }: Needs,
  channel: string,
  request: Omit<Request<'publish'>, 'channel'>,
  data: string,
): Promise<string> {
  if (channel === '') throw new Refusal(ERRORS.badRequest);
  const options = known(optionsOf, channel);
  const asDelta = options.delta && (request.delta || publishesDelta?.(channel) === true);
  const { position } = await broker.publish(channel, data, {
    ...(options.history && !request.skip_history && { history: options.history }),
    ...(request.tags && { tags: request.tags }),
    ...(request.idempotency_key !== '' && { id: request.idempotency_key }),
    ...(asDelta && { delta: true as const }),
    ...(request.version > 0 && { version: { key: request.version_epoch, number: request.version } }),
  });
  return JSON.stringify({ offset: position.offset, epoch: position.epoch });
}

function publicationText({ data, offset, info, tags }: Publication): string {
  const rest: { offset: number; info?: ClientInfo; tags?: Record<string, string> } = {
    offset,
    ...(info && { info }),
    ...(tags && { tags }),
  };
  return `{"data":${data},${JSON.stringify(rest).slice(1)}`;
}

const nodeReply = ({ uid, name, version, clients, users, subscriptions, channels, uptime }: NodeInfo) => ({
  uid,
  name,
  version,
  num_clients: clients,
  num_users: users,
  num_subs: subscriptions,
  num_channels: channels,
  uptime,
});

const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string') return own;
  return /^apikey +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Undefined when it is larger than BODY_BYTES_MAX. @throws {Error} when the caller breaks off */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Undefined when it is no JSON; a request without a body has no fields. */
function parseJson(text: string): { json: unknown } | undefined {
  try {
    return { json: text.trim() === '' ? {} : LONG_NUMBER.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Integers of other languages go on with all their digits, as the ids of some databases have to. */
function keepExact(_: string, value: unknown, context?: { source: string }): unknown {
  const isInexact = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isInexact && context ? (JSON as unknown as RawJson).rawJSON(context.source) : value;
}

/** ECMAScript 2026; the compiler's library does not know it yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}

/** The results in the order of the items, with so many under way at once. */
async function eachOf<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

/** `publishesDelta` is for channels in which every publication may be sent as a difference. */
export interface Needs {
  broker: Pick<Broker, 'publish' | 'history' | 'removeHistory'>;
  presence: Pick<PresenceStore, 'get' | 'stats'>;
  optionsOf: OptionsOf;
  publishesDelta?: (channel: string) => boolean;
  cluster: Pick<Cluster, 'subscribe' | 'unsubscribe' | 'disconnect' | 'channels' | 'info'>;
  metrics: Pick<Metrics, 'adminRequest'>;
  log: Pick<Logger, 'error' | 'debug'>;
}

/**
 * The JSON encoding of the client protocol: commands and replies are objects, separated by newlines where several share a
 * message. Members that have their type's default value are left out, as Centrifugo does, and taken as that when they are
 * missing or null. Data of applications is embedded as it is; nothing here parses it on the way out.
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorReply } from '@playnite/contracts/realtime';
import type { ClientInfo } from '../broker/broker.ts';
import { type Codec, ProtocolError } from './codec.ts';
import {
  type Answer,
  COMMANDS_PER_MESSAGE_MAX,
  clampedOffset,
  compactJson,
  emptyRecord,
  isAnswer,
  isInt32,
  isUint32,
  parsedJson,
} from './common.ts';
import type { Command, ConnectResult, Push, RecoverFrom, Reply, SentPublication, SubscribeResult } from './messages.ts';

type Members = Readonly<Record<string, unknown>>;

function membersOf(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ProtocolError('not an object');
  return value as Members;
}

function textIn(members: Members, name: string): string {
  const value = members[name] ?? '';
  if (typeof value !== 'string') throw new ProtocolError(`${name} is not a string`);
  return value;
}

function flagIn(members: Members, name: string): boolean {
  const value = members[name] ?? false;
  if (typeof value !== 'boolean') throw new ProtocolError(`${name} is not a boolean`);
  return value;
}

function numberIn(members: Members, name: string, isRight: (value: number) => boolean): number {
  const value = members[name] ?? 0;
  if (typeof value !== 'number' || !isRight(value)) throw new ProtocolError(`${name} is not a number that it can be`);
  return value;
}

const offsetIn = (members: Members): number =>
  clampedOffset(numberIn(members, 'offset', (value) => Number.isInteger(value) && value >= 0));

/** The data of an application: empty when there is none, for `null` is data too. */
const dataIn = (members: Members): string => (members['data'] === undefined ? '' : compactJson(members['data']));

function recoverFromIn(members: Members): RecoverFrom {
  const epoch = textIn(members, 'epoch');
  const offset = offsetIn(members);
  return { ...(flagIn(members, 'recover') && { recover: true }), ...(epoch && { epoch }), ...(offset && { offset }) };
}

function connectIn(members: Members): NonNullable<Command['connect']> {
  const subs = emptyRecord<RecoverFrom>();
  for (const [channel, request] of Object.entries(membersOf(members['subs'] ?? {}))) {
    subs[channel] = recoverFromIn(membersOf(request));
  }
  const [data, name, version] = [dataIn(members), textIn(members, 'name'), textIn(members, 'version')];
  return {
    token: textIn(members, 'token'),
    ...(data && { data }),
    subs,
    ...(name && { name }),
    ...(version && { version }),
  };
}

function subscribeIn(members: Members): NonNullable<Command['subscribe']> {
  const [token, data, delta] = [textIn(members, 'token'), dataIn(members), textIn(members, 'delta')];
  return {
    channel: textIn(members, 'channel'),
    ...(token && { token }),
    ...recoverFromIn(members),
    ...(data && { data }),
    ...(flagIn(members, 'positioned') && { positioned: true }),
    ...(flagIn(members, 'recoverable') && { recoverable: true }),
    ...(flagIn(members, 'join_leave') && { joinLeave: true }),
    ...(delta && { delta }),
  };
}

function historyIn(members: Members): NonNullable<Command['history']> {
  const since = members['since'] === undefined || members['since'] === null ? undefined : membersOf(members['since']);
  return {
    channel: textIn(members, 'channel'),
    limit: numberIn(members, 'limit', isInt32),
    ...(since && { since: { offset: offsetIn(since), epoch: textIn(since, 'epoch') } }),
    ...(flagIn(members, 'reverse') && { reverse: true }),
  };
}

const channelIn = (members: Members) => ({ channel: textIn(members, 'channel') });

/** How each method is read, by its name on the wire. */
const METHODS: Readonly<Record<string, (members: Members) => Omit<Command, 'id'>>> = {
  connect: (members) => ({ connect: connectIn(members) }),
  subscribe: (members) => ({ subscribe: subscribeIn(members) }),
  unsubscribe: (members) => ({ unsubscribe: channelIn(members) }),
  publish: (members) => ({ publish: { ...channelIn(members), data: dataIn(members) } }),
  presence: (members) => ({ presence: channelIn(members) }),
  presence_stats: (members) => ({ presenceStats: channelIn(members) }),
  history: (members) => ({ history: historyIn(members) }),
  ping: () => ({ ping: {} }),
  send: (members) => ({ send: { data: dataIn(members) } }),
  rpc: (members) => ({ rpc: { method: textIn(members, 'method'), data: dataIn(members) } }),
  refresh: (members) => ({ refresh: { token: textIn(members, 'token') } }),
  sub_refresh: (members) => ({ subRefresh: { ...channelIn(members), token: textIn(members, 'token') } }),
};

function commandIn(line: string): Command {
  const members = membersOf(parsedJson(line));
  const command: Command = { id: numberIn(members, 'id', isUint32) };
  for (const [name, value] of Object.entries(members)) {
    if (value === null || !Object.hasOwn(METHODS, name)) continue;
    Object.assign(command, METHODS[name]?.(membersOf(value)));
  }
  return command;
}

function decode(message: Buffer): Command[] {
  if (!isUtf8(message)) throw new ProtocolError('not UTF-8');
  const lines = message
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (lines.length > COMMANDS_PER_MESSAGE_MAX) throw new ProtocolError('too many commands in a message');
  return lines.map(commandIn);
}

function decodeEmulation(body: Buffer): { session: string; node: string; data: Buffer } {
  if (!isUtf8(body)) throw new ProtocolError('not UTF-8');
  const members = membersOf(parsedJson(body.toString()));
  return {
    session: textIn(members, 'session'),
    node: textIn(members, 'node'),
    data: Buffer.from(textIn(members, 'data')),
  };
}

/** An object of those members that have a value: `[name, JSON text]`, where no text is the default value. */
const objectOf = (...members: readonly (readonly [name: string, value: string])[]): string =>
  `{${members
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;

const text = (value: string | undefined): string => (value ? JSON.stringify(value) : '');
const number = (value: number | undefined): string => (value ? String(value) : '');
const flag = (value: boolean | undefined): string => (value ? 'true' : '');
const list = (values: readonly string[] | undefined): string => (values?.length ? `[${values.join(',')}]` : '');
const map = (entries: readonly (readonly [key: string, value: string])[]): string =>
  entries.length > 0 ? `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}` : '';

/**
 * Who is present, how many, and what was published: here Centrifugo writes what is empty too (centrifugal/protocol,
 * generate.sh), and the JavaScript client does not fill it in.
 */
const clientInfo = ({ user, client }: ClientInfo): string =>
  objectOf(['user', JSON.stringify(user)], ['client', JSON.stringify(client)]);

/** With deltas, both a difference and what it is a difference to are strings: clients apply it to their UTF-8. */
function publicationData({ data, difference, deltaAgreed }: SentPublication): string {
  if (difference) {
    const { buffer, byteOffset, byteLength } = difference;
    return JSON.stringify(Buffer.from(buffer, byteOffset, byteLength).toString());
  }
  return deltaAgreed ? JSON.stringify(data) : data;
}

/** Concatenated, not gathered, because channels that few hear have each publication encoded for few. */
function publication(sent: SentPublication): string {
  let json = '{';
  const data = publicationData(sent);
  if (data !== '') json += `"data":${data}`;
  if (sent.info) json += `,"info":${clientInfo(sent.info)}`;
  if (sent.offset) json += `,"offset":${sent.offset}`;
  if (sent.tags) {
    const tags = map(Object.entries(sent.tags).map(([name, value]) => [name, JSON.stringify(value)]));
    if (tags) json += `,"tags":${tags}`;
  }
  if (sent.difference) json += ',"delta":true';
  return data === '' ? `{${json.slice(2)}}` : `${json}}`;
}

const subscribeResult = (result: SubscribeResult): string =>
  objectOf(
    ['expires', flag(result.expires)],
    ['ttl', number(result.ttl)],
    ['recoverable', flag(result.recoverable)],
    ['epoch', text(result.epoch)],
    ['publications', list(result.publications?.map(publication))],
    ['recovered', flag(result.recovered)],
    ['offset', number(result.offset)],
    ['positioned', flag(result.positioned)],
    ['was_recovering', flag(result.wasRecovering)],
    ['delta', flag(result.delta)],
  );

const connectResult = (result: ConnectResult): string =>
  objectOf(
    ['client', text(result.client)],
    ['version', text(result.version)],
    ['expires', flag(result.expires)],
    ['ttl', number(result.ttl)],
    ['subs', map(Object.entries(result.subs ?? {}).map(([channel, sub]) => [channel, subscribeResult(sub)]))],
    ['ping', number(result.ping)],
    ['pong', flag(result.pong)],
    ['session', text(result.session)],
    ['node', text(result.node)],
  );

const error = (value: ErrorReply): string =>
  objectOf(['code', number(value.code)], ['message', text(value.message)], ['temporary', flag('temporary' in value)]);

/** What a push carries, as a member. */
function pushed(push: Push): readonly [name: string, value: string] {
  if ('pub' in push) return ['pub', publication(push.pub)];
  if ('join' in push) return ['join', objectOf(['info', clientInfo(push.join.info)])];
  if ('leave' in push) return ['leave', objectOf(['info', clientInfo(push.leave.info)])];
  if ('unsubscribe' in push) {
    const { code, reason } = push.unsubscribe;
    return ['unsubscribe', objectOf(['code', number(code)], ['reason', text(reason)])];
  }
  if ('subscribe' in push) return ['subscribe', subscribeResult(push.subscribe)];
  if ('message' in push) return ['message', objectOf(['data', push.message.data])];
  if ('disconnect' in push) {
    const { code, reason } = push.disconnect;
    return ['disconnect', objectOf(['code', number(code)], ['reason', text(reason)])];
  }
  const { expires, ttl } = push.refresh;
  return ['refresh', objectOf(['expires', flag(expires)], ['ttl', number(ttl)])];
}

/** What a reply answers, as a member. */
function answered(reply: Answer): readonly [name: string, value: string] {
  if ('error' in reply) return ['error', error(reply.error)];
  if ('connect' in reply) return ['connect', connectResult(reply.connect)];
  if ('subscribe' in reply) return ['subscribe', subscribeResult(reply.subscribe)];
  if ('unsubscribe' in reply) return ['unsubscribe', '{}'];
  if ('publish' in reply) return ['publish', '{}'];
  if ('presence' in reply) {
    const present = [...reply.presence.presence].map(([client, info]) => [client, clientInfo(info)] as const);
    return ['presence', objectOf(['presence', map(present) || '{}'])];
  }
  if ('presenceStats' in reply) {
    const { numClients, numUsers } = reply.presenceStats;
    return ['presence_stats', objectOf(['num_clients', String(numClients)], ['num_users', String(numUsers)])];
  }
  if ('history' in reply) {
    const { publications, epoch, offset } = reply.history;
    const read = `[${publications.map(publication).join(',')}]`;
    return ['history', objectOf(['publications', read], ['epoch', JSON.stringify(epoch)], ['offset', String(offset)])];
  }
  if ('ping' in reply) return ['ping', '{}'];
  if ('rpc' in reply) return ['rpc', objectOf(['data', reply.rpc.data])];
  if ('refresh' in reply) {
    const { client, version, expires, ttl } = reply.refresh;
    return [
      'refresh',
      objectOf(['client', text(client)], ['version', text(version)], ['expires', flag(expires)], ['ttl', number(ttl)]),
    ];
  }
  const { expires, ttl } = reply.subRefresh;
  return ['sub_refresh', objectOf(['expires', flag(expires)], ['ttl', number(ttl)])];
}

function textOf(reply: Reply): string {
  if ('push' in reply) {
    const { push } = reply;
    if ('pub' in push) return `{"push":{"channel":${JSON.stringify(push.channel)},"pub":${publication(push.pub)}}}`;
    return objectOf(['push', objectOf(['channel', text(push.channel)], pushed(push))]);
  }
  return isAnswer(reply) ? objectOf(['id', number(reply.id)], answered(reply)) : '{}';
}

/**
 * The encoding that clients get unless they ask for the other. Channels come as they were sent, empty or too long as they
 * may be, and data as compact JSON text, empty when there was none.
 */
export const jsonCodec: Codec = {
  name: 'json',
  decode,
  encode: (reply) => Buffer.from(textOf(reply)),
  decodeEmulation,
};

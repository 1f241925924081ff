/**
 * The Protocol Buffers encoding of the client protocol; field numbers are those of centrifugal/protocol, client.proto.
 * A message holds commands or replies, each behind its length; an empty one is a ping or a pong. Fields that this server
 * does not know are passed over. Data of applications could be any bytes there; on this platform it is JSON, so that
 * clients of both encodings understand each other, and anything else is refused.
 */
import type { ErrorReply } from '@playnite/contracts/realtime';
import type { ClientInfo } from '../broker/broker.ts';
import { type Codec, ProtocolError } from './codec.ts';
import {
  type Answer,
  COMMANDS_PER_MESSAGE_MAX,
  UINT32_MAX,
  clampedOffset,
  compactJson,
  emptyRecord,
  isAnswer,
  parsedJson,
} from './common.ts';
import type { Command, ConnectResult, Push, RecoverFrom, Reply, SentPublication, SubscribeResult } from './messages.ts';
import { BackwardWriter, type Field, WireReader, fieldsOf } from './wire.ts';

/** The data of an application: empty when there is none. */
const dataIn = ({ bytes, text }: Field): string => (bytes.length === 0 ? '' : compactJson(parsedJson(text)));

/** Reads a SubscribeRequest; where it stands for one of connect's, only what recovers is asked for. */
function subscribeIn(message: Buffer): NonNullable<Command['subscribe']> {
  const request: NonNullable<Command['subscribe']> = { channel: '' };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.channel = field.text;
    else if (field.number === 2) request.token = field.text;
    else if (field.number === 3) request.recover = field.flag;
    else if (field.number === 6) request.epoch = field.text;
    else if (field.number === 7) request.offset = clampedOffset(field.uint);
    else if (field.number === 8) request.data = dataIn(field);
    else if (field.number === 9) request.positioned = field.flag;
    else if (field.number === 10) request.recoverable = field.flag;
    else if (field.number === 11) request.joinLeave = field.flag;
    else if (field.number === 12) request.delta = field.text;
  }
  return request;
}

function recoverFromIn(message: Buffer): RecoverFrom {
  const { recover, epoch, offset } = subscribeIn(message);
  return { ...(recover && { recover }), ...(epoch && { epoch }), ...(offset && { offset }) };
}

function connectIn(message: Buffer): NonNullable<Command['connect']> {
  const request: NonNullable<Command['connect']> = { token: '', subs: emptyRecord() };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.token = field.text;
    else if (field.number === 2) request.data = dataIn(field);
    else if (field.number === 3) {
      const [channel, recoverFrom] = subIn(field.bytes);
      request.subs[channel] = recoverFrom;
    } else if (field.number === 4) request.name = field.text;
    else if (field.number === 5) request.version = field.text;
  }
  return request;
}

/** An entry of connect's map of subscriptions. */
function subIn(message: Buffer): [channel: string, RecoverFrom] {
  let channel = '';
  let recoverFrom: RecoverFrom = {};
  for (const field of fieldsOf(message)) {
    if (field.number === 1) channel = field.text;
    else if (field.number === 2) recoverFrom = recoverFromIn(field.bytes);
  }
  return [channel, recoverFrom];
}

function historyIn(message: Buffer): NonNullable<Command['history']> {
  const request: NonNullable<Command['history']> = { channel: '', limit: 0 };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.channel = field.text;
    else if (field.number === 7) request.limit = field.int32;
    else if (field.number === 8) request.since = positionIn(field.bytes);
    else if (field.number === 9) request.reverse = field.flag;
  }
  return request;
}

function positionIn(message: Buffer): { offset: number; epoch: string } {
  const position = { offset: 0, epoch: '' };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) position.offset = clampedOffset(field.uint);
    else if (field.number === 2) position.epoch = field.text;
  }
  return position;
}

function publishIn(message: Buffer): NonNullable<Command['publish']> {
  const request = { channel: '', data: '' };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.channel = field.text;
    else if (field.number === 2) request.data = dataIn(field);
  }
  return request;
}

function rpcIn(message: Buffer): NonNullable<Command['rpc']> {
  const request = { method: '', data: '' };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.data = dataIn(field);
    else if (field.number === 2) request.method = field.text;
  }
  return request;
}

function subRefreshIn(message: Buffer): NonNullable<Command['subRefresh']> {
  const request = { channel: '', token: '' };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) request.channel = field.text;
    else if (field.number === 2) request.token = field.text;
  }
  return request;
}

/** The only field of several requests: the channel, or the token. */
function firstTextIn(message: Buffer): string {
  let text = '';
  for (const field of fieldsOf(message)) if (field.number === 1) text = field.text;
  return text;
}

function sendIn(message: Buffer): NonNullable<Command['send']> {
  let data = '';
  for (const field of fieldsOf(message)) if (field.number === 1) data = dataIn(field);
  return { data };
}

function commandIn(message: Buffer): Command {
  const command: Command = { id: 0 };
  for (const field of fieldsOf(message)) readInto(command, field);
  return command;
}

function readInto(command: Command, field: Field): void {
  switch (field.number) {
    case 1:
      if (field.uint > UINT32_MAX) throw new ProtocolError('id is over 32 bits');
      command.id = field.uint;
      break;
    case 4:
      command.connect = connectIn(field.bytes);
      break;
    case 5:
      command.subscribe = subscribeIn(field.bytes);
      break;
    case 6:
      command.unsubscribe = { channel: firstTextIn(field.bytes) };
      break;
    case 7:
      command.publish = publishIn(field.bytes);
      break;
    case 8:
      command.presence = { channel: firstTextIn(field.bytes) };
      break;
    case 9:
      command.presenceStats = { channel: firstTextIn(field.bytes) };
      break;
    case 10:
      command.history = historyIn(field.bytes);
      break;
    case 11:
      firstTextIn(field.bytes);
      command.ping = {};
      break;
    case 12:
      command.send = sendIn(field.bytes);
      break;
    case 13:
      command.rpc = rpcIn(field.bytes);
      break;
    case 14:
      command.refresh = { token: firstTextIn(field.bytes) };
      break;
    case 15:
      command.subRefresh = subRefreshIn(field.bytes);
      break;
    default:
  }
}

function decode(message: Buffer): Command[] {
  const commands: Command[] = [];
  for (const reader = new WireReader(message); !reader.ended;) {
    if (commands.length === COMMANDS_PER_MESSAGE_MAX) throw new ProtocolError('too many commands in a message');
    commands.push(commandIn(reader.delimited()));
  }
  return commands;
}

function decodeEmulation(body: Buffer): { session: string; node: string; data: Buffer } {
  const request: ReturnType<Codec['decodeEmulation']> = { session: '', node: '', data: Buffer.alloc(0) };
  for (const field of fieldsOf(body)) {
    if (field.number === 1) request.node = field.text;
    else if (field.number === 2) request.session = field.text;
    else if (field.number === 3) request.data = field.bytes;
  }
  return request;
}

/** One for all: a message is written in one go. */
const writer = new BackwardWriter();

/** Writes a message as one field of the one around it. */
function part(field: number, write: () => void): void {
  const { mark } = writer;
  write();
  writer.part(field, mark);
}

function clientInfo({ user, client }: ClientInfo): void {
  writer.text(2, client);
  writer.text(1, user);
}

function publication({ data, info, offset, tags, difference }: SentPublication): void {
  writer.flag(8, difference !== undefined);
  if (tags) for (const [name, value] of Object.entries(tags)) entry(7, name, () => writer.text(2, value));
  writer.uint(6, offset);
  if (info) part(5, () => clientInfo(info));
  if (difference) writer.bytes(4, difference);
  else writer.text(4, data);
}

/** One entry of a map. */
function entry(field: number, key: string, writeValue: () => void): void {
  const { mark } = writer;
  writeValue();
  writer.text(1, key);
  writer.part(field, mark);
}

function publications(field: number, sent: readonly SentPublication[] = []): void {
  for (const each of sent.toReversed()) part(field, () => publication(each));
}

function subscribeResult(result: SubscribeResult): void {
  writer.flag(13, result.delta);
  writer.flag(12, result.wasRecovering);
  writer.flag(10, result.positioned);
  writer.uint(9, result.offset);
  writer.flag(8, result.recovered);
  publications(7, result.publications);
  writer.text(6, result.epoch);
  writer.flag(3, result.recoverable);
  writer.uint(2, result.ttl);
  writer.flag(1, result.expires);
}

function connectResult(result: ConnectResult): void {
  writer.text(10, result.node);
  writer.text(9, result.session);
  writer.flag(8, result.pong);
  writer.uint(7, result.ping);
  for (const [channel, sub] of Object.entries(result.subs ?? {})) {
    entry(6, channel, () => part(2, () => subscribeResult(sub)));
  }
  writer.uint(4, result.ttl);
  writer.flag(3, result.expires);
  writer.text(2, result.version);
  writer.text(1, result.client);
}

function error(value: ErrorReply): void {
  writer.flag(3, 'temporary' in value);
  writer.text(2, value.message);
  writer.uint(1, value.code);
}

/** Writes what a push carries. */
function pushed(push: Push): void {
  if ('pub' in push) {
    // Not by `part`: this is what there is most of.
    const { mark } = writer;
    publication(push.pub);
    writer.part(4, mark);
  } else if ('join' in push) part(5, () => part(1, () => clientInfo(push.join.info)));
  else if ('leave' in push) part(6, () => part(1, () => clientInfo(push.leave.info)));
  else if ('unsubscribe' in push) {
    part(7, () => {
      writer.text(3, push.unsubscribe.reason);
      writer.uint(2, push.unsubscribe.code);
    });
  } else if ('message' in push) part(8, () => writer.text(1, push.message.data));
  else if ('subscribe' in push) {
    const { recoverable, epoch, offset, positioned } = push.subscribe;
    part(9, () => {
      writer.flag(6, positioned);
      writer.uint(5, offset);
      writer.text(4, epoch);
      writer.flag(1, recoverable);
    });
  } else if ('disconnect' in push) {
    part(11, () => {
      writer.text(2, push.disconnect.reason);
      writer.uint(1, push.disconnect.code);
    });
  } else {
    part(12, () => {
      writer.uint(2, push.refresh.ttl);
      writer.flag(1, push.refresh.expires);
    });
  }
}

/** Writes what a reply answers. */
function answered(reply: Answer): void {
  if ('error' in reply) part(2, () => error(reply.error));
  else if ('connect' in reply) part(5, () => connectResult(reply.connect));
  else if ('subscribe' in reply) part(6, () => subscribeResult(reply.subscribe));
  else if ('unsubscribe' in reply) part(7, () => undefined);
  else if ('publish' in reply) part(8, () => undefined);
  else if ('presence' in reply) {
    part(9, () => {
      for (const [client, info] of reply.presence.presence) entry(1, client, () => part(2, () => clientInfo(info)));
    });
  } else if ('presenceStats' in reply) {
    part(10, () => {
      writer.uint(2, reply.presenceStats.numUsers);
      writer.uint(1, reply.presenceStats.numClients);
    });
  } else if ('history' in reply) {
    part(11, () => {
      writer.uint(3, reply.history.offset);
      writer.text(2, reply.history.epoch);
      publications(1, reply.history.publications);
    });
  } else if ('ping' in reply) part(12, () => undefined);
  else if ('rpc' in reply) part(13, () => writer.text(1, reply.rpc.data));
  else if ('refresh' in reply) {
    part(14, () => {
      writer.uint(4, reply.refresh.ttl);
      writer.flag(3, reply.refresh.expires);
      writer.text(2, reply.refresh.version);
      writer.text(1, reply.refresh.client);
    });
  } else {
    part(15, () => {
      writer.uint(2, reply.subRefresh.ttl);
      writer.flag(1, reply.subRefresh.expires);
    });
  }
}

/** Last things first, as the writer has it. */
function encode(reply: Reply): Buffer {
  writer.begin();
  if ('push' in reply) {
    const { mark } = writer;
    pushed(reply.push);
    writer.text(2, reply.push.channel);
    writer.part(4, mark);
  } else if (isAnswer(reply)) {
    answered(reply);
    writer.uint(1, reply.id);
  }
  writer.length(0);
  return writer.finish();
}

/** The encoding of few bytes. Channels come as they were sent; data is compact JSON text, empty when there was none. */
export const protobufCodec: Codec = { name: 'protobuf', decode, encode, decodeEmulation };

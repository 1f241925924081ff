/** Publications and what else nodes tell one another, as text in Redis. */
import { z } from 'zod';
import type { ClientInfo, Publication, StreamPosition } from './broker.ts';

type Header = Omit<Publication, 'offset' | 'data'>;

const clientInfo = z.object({ user: z.string(), client: z.string() });
const header = z.object({
  info: clientInfo.exactOptional(),
  tags: z.record(z.string(), z.string()).exactOptional(),
  rights: z.enum(['before', 'after']).exactOptional(),
  delta: z.literal(true).exactOptional(),
});

/** What a message to a channel says. */
type Message =
  | { kind: 'publication'; publication: Publication; position: StreamPosition }
  | { kind: 'join' | 'leave'; info: ClientInfo };

/** The data stays as it is: it is behind the first line, which is empty when there is nothing but the data. */
export function encodePublication(data: string, { info, tags, rights, delta }: Header): string {
  if (!info && !tags && !rights && !delta) return `\n${data}`;
  return `${JSON.stringify({ info, tags, rights, delta })}\n${data}`;
}

/** @throws {Error} when it was not written by `encodePublication` */
export function decodePublication(text: string, offset: number): Publication {
  const end = text.indexOf('\n');
  if (end < 0) throw new Error('no publication');
  return { ...(end > 0 && header.parse(JSON.parse(text.slice(0, end)))), offset, data: text.slice(end + 1) };
}

export const encodeJoin = (info: ClientInfo): string => `j${JSON.stringify(info)}`;
export const encodeLeave = (info: ClientInfo): string => `l${JSON.stringify(info)}`;

/** @throws {Error} when no node of this version wrote it */
export function decodeMessage(text: string): Message {
  const rest = text.slice(1);
  switch (text[0]) {
    case 'j':
      return { kind: 'join', info: clientInfo.parse(JSON.parse(rest)) };
    case 'l':
      return { kind: 'leave', info: clientInfo.parse(JSON.parse(rest)) };
    case 'p': {
      const [line, end] = [rest.slice(0, rest.indexOf('\n')), rest.indexOf('\n')];
      const [offset = '', epoch = ''] = line.split(' ');
      const position = { offset: Number(offset), epoch };
      return { kind: 'publication', publication: decodePublication(rest.slice(end + 1), position.offset), position };
    }
    default:
      throw new Error('no message of a node');
  }
}

import { describe, expect, test } from '@jest/globals';
import type { Codec } from '../../../realtime-server/src/protocol/codec.ts';
import { formatsOf } from '../../../realtime-server/src/transport/formats.ts';
import { FRAME_BYTES_MAX, type Format } from '../../../realtime-server/src/transport/transport.ts';

const unused = (): never => {
  throw new Error('not used here');
};
const bare = (name: Codec['name']): Codec => ({ name, decode: unused, encode: unused, decodeEmulation: unused });
const messagesOf = (...texts: string[]) => texts.map((text) => Buffer.from(text));

describe('formats', () => {
  const formats = formatsOf({ json: bare('json'), protobuf: bare('protobuf') });
  const framed = (format: Format, ...texts: string[]) =>
    format.frame(messagesOf(...texts)).map((frame) => frame.toString('latin1'));

  test('give a WebSocket client of JSON one text frame, a message on a line', () => {
    expect(framed(formats.websocketJson, '{}')).toEqual(['\x81\x02{}']);
    expect(framed(formats.websocketJson, '{"a":1}', '{}', '[]')).toEqual(['\x81\x0d{"a":1}\n{}\n[]']);
  });

  test('give a WebSocket client of protobuf one binary frame', () => {
    expect(framed(formats.websocketProtobuf, '\x01a', '\x02bb')).toEqual(['\x82\x05\x01a\x02bb']);
  });

  test('end each message of a stream, and make an event of each for an event source', () => {
    expect(framed(formats.streamJson, '{}', '[]')).toEqual(['{}\n[]\n']);
    expect(framed(formats.streamProtobuf, '\x01a', '\x01b')).toEqual(['\x01a\x01b']);
    expect(framed(formats.sseJson, '{}', '[]')).toEqual(['data: {}\n\ndata: []\n\n']);
  });

  test('make no frame of nothing', () => {
    for (const format of Object.values(formats)) expect((format as Format).frame([])).toEqual([]);
  });

  test.each([
    [125, 2, [125]],
    [126, 4, [126, 0, 126]],
    [65_535, 4, [126, 255, 255]],
    [65_536, 10, [127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('say the length of %i bytes in a header of %i', (length, headerBytes, header) => {
    const [frame] = formats.websocketJson.frame([Buffer.alloc(length, 'x')]);
    expect(frame?.length).toBe(headerBytes + length);
    expect([...(frame?.subarray(1, headerBytes) ?? [])]).toEqual(header);
  });

  test('keep frames within their bound, unless one message alone is larger, and keep the order', () => {
    const sizes = [1, 40_000, 30_000, 100_000, 5, 65_000, 534, 1];
    const messages = sizes.map((size, index) => Buffer.alloc(size, String(index)));
    for (const format of Object.values(formats) as Format[]) {
      const frames = format.frame(messages);
      const payload = (frame: Buffer) => [...frame.toString().matchAll(/(\d)\1*/g)].map(([run]) => run);
      const around = format === formats.sseJson ? 8 : format === formats.streamJson ? 1 : 0;
      const header = format === formats.websocketJson || format === formats.websocketProtobuf ? 10 : 0;
      for (const frame of frames) {
        expect(frame.length <= FRAME_BYTES_MAX + header || frame.length <= 100_000 + around + header).toBe(true);
      }
      expect(frames.length).toBeGreaterThanOrEqual(5);
      if (header > 0) continue;
      expect(frames.flatMap(payload)).toEqual(messages.map(String));
    }
    const exact = messagesOf('x'.repeat(FRAME_BYTES_MAX - 2), 'y');
    expect(formats.websocketJson.frame(exact)).toHaveLength(1);
    expect(formats.websocketJson.frame([...exact, ...messagesOf('')])).toHaveLength(2);
  });
});

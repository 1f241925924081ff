import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Codec } from '../../../realtime-server/src/protocol/codec.ts';
import { DELTA_BYTES_MAX, differenceOf } from '../../../realtime-server/src/protocol/delta.ts';
import { jsonCodec } from '../../../realtime-server/src/protocol/json.ts';
import type { SentPublication } from '../../../realtime-server/src/protocol/messages.ts';
import { protobufCodec } from '../../../realtime-server/src/protocol/protobuf.ts';
import { stockJson, stockProtobuf } from '../../support/stock-codecs.ts';

/** What a client that asked for differences makes of texts that are published one after the other. */
function heard(codec: Codec, stock: typeof stockJson, texts: readonly string[]): { data: unknown; isDelta: boolean }[] {
  let kept: unknown;
  return texts.map((data, index) => {
    const difference = index === 0 ? undefined : differenceOf(texts[index - 1] ?? '', data);
    const pub: SentPublication = { data, offset: index + 1, deltaAgreed: true, ...(difference && { difference }) };
    const bytes = codec.encode({ push: { channel: 'c', pub } });
    const [reply] = stock.decodeReplies(codec.name === 'json' ? bytes.toString() : bytes);
    if (!reply) throw new Error('nothing was received');
    const { newData, newPrevValue, isDelta } = stock.applyDeltaIfNeeded(reply.push.pub, kept);
    kept = newPrevValue;
    const read = newData instanceof Uint8Array ? (JSON.parse(Buffer.from(newData).toString()) as unknown) : newData;
    return { data: read, isDelta };
  });
}

const asJson = (texts: readonly string[]) => heard(jsonCodec, stockJson, texts);
const asProtobuf = (texts: readonly string[]) => heard(protobufCodec, stockProtobuf, texts);

const BODY = 'Heute im Programm: Naïve Grüße aus Zürich, und 東京タワー bei Nacht. ';

describe('a difference', () => {
  test('is what little a large text changed by', () => {
    const before = JSON.stringify({ text: BODY.repeat(20), likes: 17 });
    const after = JSON.stringify({ text: BODY.repeat(20), likes: 18 });
    expect(differenceOf(before, after)?.length).toBeLessThan(40);
  });

  test('is none where the text itself is not longer', () => {
    expect(differenceOf('{"a":1}', '{"a":2}')).toBeUndefined();
    expect(differenceOf('', '')).toBeUndefined();
    expect(differenceOf('"nothing in common"', '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]')).toBeUndefined();
  });

  test('is none between texts that it takes long to compare', () => {
    const text = 'x'.repeat(DELTA_BYTES_MAX);
    expect(differenceOf(text, text)).toBeDefined();
    expect(differenceOf(text, `${text}y`)).toBeUndefined();
    expect(differenceOf(`${text}y`, text)).toBeUndefined();
    expect(differenceOf('ö'.repeat(DELTA_BYTES_MAX / 2 + 1), text)).toBeUndefined();
  });

  test.each([
    ['é', 'è'],
    ['🟢', '🔴'],
    ['д', 'е'],
    ['東', '京'],
    ['a', '🟢'],
  ])('between %s and %s is still text, and small', (one, other) => {
    const texts = [one, other, one].map((mark) => JSON.stringify({ text: `${BODY.repeat(5)}${mark}${BODY}${mark}` }));
    const difference = differenceOf(texts[0] ?? '', texts[1] ?? '') ?? Buffer.alloc(0);
    expect(isUtf8(difference)).toBe(true);
    expect(difference.length).toBeGreaterThan(0);
    expect(difference.length).toBeLessThan(60);
  });

  test('is applied by the stock client, in both encodings, however texts follow one another', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        BODY,
        BODY.repeat(3),
        'é',
        'è',
        '🟢',
        '🔴',
        'д',
        'е',
        '東',
        '京',
        '"',
        '\\',
        '\n',
        '\u0000',
        '\ud83d',
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    const pieces = fc.array(piece, { maxLength: 12 });
    let differences = 0;
    fc.assert(
      fc.property(pieces, fc.array(fc.tuple(fc.nat(12), fc.nat(3), piece), { maxLength: 8 }), (first, changes) => {
        const versions = [first];
        for (const [at, gone, come] of changes) versions.push((versions.at(-1) ?? []).toSpliced(at, gone, come));
        // Both as JSON has it, with what is half a character escaped, and with it in the text.
        const texts = versions.map((version) => JSON.stringify(version.join('')));
        const values = texts.map((text) => JSON.parse(text) as unknown);
        const inJson = asJson(texts);
        expect(inJson.map(({ data }) => data)).toEqual(values);
        expect(asProtobuf(texts).map(({ data }) => data)).toEqual(values);
        differences += inJson.filter(({ isDelta }) => isDelta).length;
      }),
      { numRuns: 1000, seed: 20_261_121 },
    );
    expect(differences).toBeGreaterThan(1000);
  });
});

describe('a publication where differences were agreed on', () => {
  test('is text within JSON, and itself in protobuf', () => {
    const pub: SentPublication = { data: '{"a":"ö"}', offset: 1, deltaAgreed: true };
    const push = { push: { channel: 'c', pub } };
    expect(JSON.parse(jsonCodec.encode(push).toString())).toEqual({
      push: { channel: 'c', pub: { data: '{"a":"ö"}', offset: 1 } },
    });
    expect(protobufCodec.encode(push).toString()).toContain('{"a":"ö"}');
  });

  test('says when it is a difference', () => {
    const difference = Buffer.from('3\n3@0,1;');
    const pub: SentPublication = { data: '123', offset: 1, deltaAgreed: true, difference };
    const push = { push: { channel: 'c', pub } };
    expect(JSON.parse(jsonCodec.encode(push).toString())).toEqual({
      push: { channel: 'c', pub: { data: '3\n3@0,1;', offset: 1, delta: true } },
    });
    expect(stockProtobuf.decodeReplies(protobufCodec.encode(push))[0]?.push.pub.delta).toBe(true);
  });
});

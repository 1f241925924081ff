import { describe, expect, test } from '@jest/globals';
import { addressOf, isLocal, subscriberOf } from '../../../functions/src/platform/addresses.ts';

describe('subscriberOf', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('takes %s for %s', (address, subscriber) => {
    expect(subscriberOf(address)).toBe(subscriber);
  });
});

describe('addressOf', () => {
  test('believes the front end, and not what a caller says was in front of it', () => {
    expect(addressOf('203.0.113.9, 198.51.100.7', '10.0.0.1')).toBe('198.51.100.7');
    expect(addressOf(undefined, '10.0.0.1')).toBe('10.0.0.1');
    expect(addressOf('', undefined)).toBe('');
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['', true],
  ['203.0.113.9', false],
  ['::2', false],
  ['127.evil.example', false],
])('isLocal(%p) is %p', (address, expected) => {
  expect(isLocal(address)).toBe(expected);
});

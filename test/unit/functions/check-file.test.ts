import { describe, expect, test } from '@jest/globals';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX } from '@playnite/contracts/documents';
import { checkBytes, checkDimensions, checkObject } from '../../../functions/src/content/check-file.ts';

const ticket = { contentType: 'image/jpeg', size: 1000 };
const sha256 = 'a'.repeat(64);

describe('checkObject', () => {
  test('takes a file that is what its ticket says', () => {
    expect(checkObject(ticket, { size: 1000, contentType: 'image/jpeg' })).toBeUndefined();
  });

  test.each([
    ['another size', ticket, { size: 999, contentType: 'image/jpeg' }, 'mismatch'],
    ['another type', ticket, { size: 1000, contentType: 'image/png' }, 'mismatch'],
    [
      'a type that is not taken',
      { ...ticket, contentType: 'image/tiff' },
      { size: 1000, contentType: 'image/tiff' },
      'unsupported-media',
    ],
    [
      'too many bytes',
      { ...ticket, size: IMAGE_BYTES_MAX + 1 },
      { size: IMAGE_BYTES_MAX + 1, contentType: 'image/jpeg' },
      'too-large',
    ],
  ])('refuses %s', (_, promised, object, code) => {
    expect(checkObject(promised, object)?.code).toBe(code);
  });

  test('takes images and videos, and no other kind of file', () => {
    const of = (contentType: string) => checkObject({ contentType, size: 10 }, { contentType, size: 10 })?.code;
    for (const type of ['image/avif', 'image/gif', 'video/mp4', 'video/webm', 'video/quicktime']) {
      expect(of(type)).toBeUndefined();
    }
    for (const type of ['image/svg+xml', 'image/tiff', 'video/x-msvideo', 'text/html']) {
      expect(of(type)).toBe('unsupported-media');
    }
  });

  test('takes a file of exactly the greatest size', () => {
    const object = { size: IMAGE_BYTES_MAX, contentType: 'image/jpeg' };
    expect(checkObject({ ...ticket, size: IMAGE_BYTES_MAX }, object)).toBeUndefined();
  });
});

describe('checkBytes', () => {
  test('takes bytes whose content shows the ticket’s type', () => {
    expect(checkBytes(ticket, { sha256, sniffedType: 'image/jpeg' })).toBeUndefined();
    expect(checkBytes({ ...ticket, sha256 }, { sha256, sniffedType: 'image/jpeg' })).toBeUndefined();
  });

  test('refuses bytes of another hash than the ticket names', () => {
    expect(checkBytes({ ...ticket, sha256: 'b'.repeat(64) }, { sha256, sniffedType: 'image/jpeg' })?.code).toBe(
      'mismatch',
    );
  });

  test.each(['image/png', 'application/xml', undefined])(
    'refuses a JPEG ticket whose bytes look like %s',
    (sniffedType) => {
      expect(checkBytes(ticket, { sha256, sniffedType })?.code).toBe('mismatch');
    },
  );
});

describe('checkDimensions', () => {
  test('takes the greatest area and the greatest side', () => {
    expect(checkDimensions({ width: 8000, height: IMAGE_PIXELS_MAX / 8000 })).toBeUndefined();
    expect(checkDimensions({ width: IMAGE_SIDE_MAX, height: 10 })).toBeUndefined();
  });

  test.each([
    [8000, IMAGE_PIXELS_MAX / 8000 + 1],
    [IMAGE_SIDE_MAX + 1, 1],
    [1, IMAGE_SIDE_MAX + 1],
    [50_000, 50_000],
  ])('refuses %i x %i pixels', (width, height) => {
    expect(checkDimensions({ width, height })?.code).toBe('too-large');
  });
});

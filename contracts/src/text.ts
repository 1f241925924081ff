import { z } from 'zod';

/**
 * A string that survives every hop: well-formed UTF-16 (Firestore answers UNKNOWN to a lone surrogate) and at most
 * `max` characters long, counted as the security rules count them: by code point.
 */
export const text = (max: number) =>
  z
    .string()
    .refine((value) => value.length <= max || (value.length <= 2 * max && Array.from(value).length <= max), {
      message: `text is longer than ${max} characters`,
    })
    .refine((value) => value.isWellFormed(), { message: 'text holds a lone surrogate' });

/** A document id that Firestore takes: no slash, not `.` or `..`, not `__reserved__`, at most 128 characters here. */
export const documentId = z
  .string()
  .min(1)
  .max(128)
  .refine((id) => !id.includes('/') && id !== '.' && id !== '..' && !/^__.*__$/.test(id) && id.isWellFormed(), {
    message: 'not a usable document id',
  });

/** A Firebase user id: what Auth hands out, at most 128 characters. */
export const uid = documentId.describe('a user id');

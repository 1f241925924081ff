/** What the corpus of hostile files is made of. */
import type { RejectionCode } from '@playnite/contracts/documents';

/**
 * A hostile file is either to be refused with one of its `codes`, or, where it says `clean`, may also be published as long as
 * nothing of its malice is left in what is published. A file without codes is odd but harmless, and has to be published.
 */
export interface BadFile {
  name: string;
  /** What its ticket claims. */
  contentType: string;
  bytes: Buffer;
  /** The rejections that are right for it. */
  codes: readonly RejectionCode[];
  /** Whether it may be published, once it has been encoded anew. */
  clean?: true;
}

export const IMAGES = ['jpeg', 'png', 'webp', 'gif', 'avif'] as const;
/** The same honest picture in each format. */
export type Pictures = Record<(typeof IMAGES)[number], Buffer>;

export const SCRIPT = '<script>alert(1)</script>';
export const PHP = "<?php system($_GET['c']); ?>";

export const BROKEN = ['corrupt-media'] as const;
export const LARGE = ['too-large'] as const;
/** Decoders may see the claim or fail on the data first. */
export const LARGE_OR_BROKEN = ['too-large', 'corrupt-media'] as const;
export const LIE = ['mismatch'] as const;
export const NOT_TAKEN = ['unsupported-media'] as const;
/** What is damaged at random may look like anything. */
export const ANY = ['corrupt-media', 'unsupported-media', 'too-large', 'mismatch'] as const;
export const CLEAN = { clean: true } as const;

export type Row = readonly [name: string, kind: string, bytes: Buffer];

/** Files of one fate; a kind without a slash is an image's. */
export const fated = (codes: readonly RejectionCode[], rows: readonly Row[], fate: { clean?: true } = {}): BadFile[] =>
  rows.map(([name, kind, bytes]) => ({
    name,
    contentType: kind.includes('/') ? kind : `image/${kind}`,
    bytes,
    codes,
    ...fate,
  }));

import {
  DataSet,
  RegExpMatcher,
  collapseDuplicatesTransformer,
  englishDataset,
  parseRawPattern,
  type PhraseBuilder,
} from 'obscenity';
import { readText } from './normalise-text.ts';
import { type Judgement, LIBRARY_INNOCENT, LIBRARY_TERMS, OWN_TERMS } from './word-list.ts';

export type TextLabel = 'profanity' | 'sexual' | 'hate' | 'violence' | 'self-harm' | 'spam';

export interface TextMatch {
  field: string;
  label: TextLabel;
  /** The word of the list, or the name of a spam signal; never the user's own text. */
  term: string;
  /** Indices into the original text of the field, in UTF-16 units; `end` is exclusive. */
  start: number;
  end: number;
}

export interface TextScreening {
  /** From 0 (nothing found) to 1: the severity of the worst that was found. */
  scores: Record<TextLabel, number>;
  /** The most severe first. */
  matches: TextMatch[];
}

/** Of a longer text its first and its last half of this many UTF-16 units are examined; what is between is not. */
export const TEXT_EXAMINED_MAX = 20_000;
/** All fields of one call together; fields beyond are not examined. Keeps a call well below a second. */
const TEXT_EXAMINED_TOTAL_MAX = 100_000;
export const TEXT_MATCHES_MAX = 20;
/** A cut falls on white space if there is some within this many units, so that no word is made by cutting another. */
const CUT_SLACK = 100;

const SHORTENERS =
  /\b(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|cutt\.ly|rb\.gy|shorturl\.at|t\.ly|adf\.ly)\//giu;
const LINKS = /\b(?:https?:\/\/|www\.)/giu;
const EMOJI = /\p{Extended_Pictographic}/gu;
const SHORTENER_SEVERITY = 0.5;
/** So many links are a sign, so many are hardly anything else. */
const LINKS_SUSPICIOUS = { count: 4, severity: 0.4 };
const LINKS_FLOOD = { count: 8, severity: 0.8 };
/** One word makes up more than this share of at least so many: a chant, not a sentence. */
const REPEATED_WORD = { share: 0.6, words: 12, severity: 0.5 };
/** So many emoji that are more than this share of what is not white space. */
const EMOJI_WALL = { share: 0.5, count: 20, severity: 0.4 };

/** One stretch of a field's text that is examined. */
interface Stretch {
  field: string;
  text: string;
  from: number;
  to: number;
}

interface Finding extends TextMatch {
  severity: number;
}

/**
 * Looks for words and phrases that the platform does not want in the texts of a document (field name -> text), also
 * where they are written so that a filter should miss them, and for the marks of spam.
 *
 * A score is the severity of the worst term found under its label, so two mild words are no worse than one.
 * At most `TEXT_EXAMINED_MAX` units of a field are examined and the work is linear in them. Never throws.
 */
export function screenText(fields: Readonly<Record<string, string>>): TextScreening {
  const findings = stretchesOf(fields).flatMap((stretch) => [...findTerms(stretch), ...findSpam(stretch)]);
  findings.sort((a, b) => b.severity - a.severity);
  const scores: TextScreening['scores'] = {
    profanity: 0,
    sexual: 0,
    hate: 0,
    violence: 0,
    'self-harm': 0,
    spam: 0,
  };
  for (const { label, severity } of findings) scores[label] = Math.max(scores[label], severity);
  const matches = findings
    .slice(0, TEXT_MATCHES_MAX)
    .map(({ field, label, term, start, end }) => ({ field, label, term, start, end }));
  return { scores, matches };
}

function stretchesOf(fields: Readonly<Record<string, string>>): Stretch[] {
  const stretches: Stretch[] = [];
  let left = TEXT_EXAMINED_TOTAL_MAX;
  for (const [field, text] of Object.entries(fields)) {
    if (left === 0) break;
    const budget = Math.min(left, TEXT_EXAMINED_MAX);
    left -= Math.min(budget, text.length);
    if (text.length <= budget) {
      stretches.push({ field, text, from: 0, to: text.length });
      continue;
    }
    const half = Math.floor(budget / 2);
    const headBreak = text.slice(Math.max(half - CUT_SLACK, 0), half).search(/\s\S*$/u);
    const tailBreak = text.slice(-half || text.length, text.length - half + CUT_SLACK).search(/\s/u);
    const head = headBreak < 0 ? half : Math.max(half - CUT_SLACK, 0) + headBreak;
    const tail = text.length - half + Math.max(tailBreak, 0);
    stretches.push({ field, text, from: 0, to: head }, { field, text, from: tail, to: text.length });
  }
  return stretches;
}

function findTerms({ field, text, from, to }: Stretch): Finding[] {
  const { matcher, judge } = wordList();
  const reading = readText(text, from, to);
  const lastEnds = new Map<string, number>();
  const findings: Finding[] = [];
  for (const match of matcher.getAllMatches(reading.text)) {
    const judged = judge(match.termId);
    if (!judged) continue;
    // A word that was read from right to left begins where its last letter stands.
    const [first, last] = [match.startIndex, match.endIndex];
    const start = Math.min(reading.starts[first] ?? to, reading.starts[last] ?? to);
    const end = Math.max(reading.ends[first] ?? from, reading.ends[last] ?? from);
    findings.push({ field, ...judged, start, end });
  }
  findings.sort((a, b) => a.start - b.start || b.end - a.end);
  // Several patterns and readings find the same word.
  return findings.filter(({ term, start, end }) => {
    const isNew = start >= (lastEnds.get(term) ?? 0);
    if (isNew) lastEnds.set(term, end);
    return isNew;
  });
}

function findSpam({ field, text, from, to }: Stretch): Finding[] {
  const examined = text.slice(from, to);
  const findings: Finding[] = [];
  const report = (term: string, severity: number, start = 0, length = examined.length): void => {
    findings.push({ field, label: 'spam', term, severity, start: from + start, end: from + start + length });
  };
  const shortener = examined.matchAll(SHORTENERS).next().value;
  if (shortener) report('link shortener', SHORTENER_SEVERITY, shortener.index, shortener[0].length);

  const links = count(examined, LINKS);
  if (links >= LINKS_FLOOD.count) report('many links', LINKS_FLOOD.severity);
  else if (links >= LINKS_SUSPICIOUS.count) report('many links', LINKS_SUSPICIOUS.severity);

  const words = examined.toLowerCase().match(/\S+/gu) ?? [];
  const occurrences = new Map<string, number>();
  for (const word of words) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  const most = [...occurrences.values()].reduce((a, b) => Math.max(a, b), 0);
  if (words.length >= REPEATED_WORD.words && most > words.length * REPEATED_WORD.share) {
    report('repeated word', REPEATED_WORD.severity);
  }

  const emoji = count(examined, EMOJI);
  if (emoji >= EMOJI_WALL.count && emoji > count(examined, /\S/gu) * EMOJI_WALL.share) {
    report('wall of emoji', EMOJI_WALL.severity);
  }
  return findings;
}

function count(text: string, expression: RegExp): number {
  let found = 0;
  for (const _ of text.matchAll(expression)) found += 1;
  return found;
}

interface WordList {
  matcher: RegExpMatcher;
  judge: (termId: number) => (Judgement & { term: string }) | undefined;
}

let compiled: WordList | undefined;

/** Compiled with the first text, so that importing this file costs nothing. */
const wordList = (): WordList => (compiled ??= compileWordList());

/** Letters that English doubles inside the words of the list: two stay two, of the others (and of three) one is kept. */
const DOUBLED_LETTERS = ['b', 'e', 'o', 'l', 's', 'g'];

function compileWordList(): WordList {
  const dataset = new DataSet<{ originalWord: string }>()
    .addAll(englishDataset)
    .removePhrasesIf(({ metadata }) => !metadata || !Object.hasOwn(LIBRARY_TERMS, metadata.originalWord));
  const judgements = new Map<string, Judgement & { term: string }>();
  for (const [word, judgement] of Object.entries(LIBRARY_TERMS)) judgements.set(word, { ...judgement, term: word });
  OWN_TERMS.forEach(({ word, label, severity, patterns, innocent = [] }, index) => {
    // A word may have an entry in both lists.
    const key = `own:${index}`;
    judgements.set(key, { label, severity, term: word });
    dataset.addPhrase((phrase) => {
      phrase.setMetadata({ originalWord: key });
      for (const pattern of patterns) phrase.addPattern(parseRawPattern(allowDoubling(pattern)));
      return addInnocent(phrase, innocent);
    });
  });
  const { blacklistedTerms, whitelistedTerms = [] } = dataset.build();
  const thresholds = new Map([...DOUBLED_LETTERS, '*'].map((character) => [character, 2]));
  // "1488" means something, "148" does not.
  for (const digit of '0123456789') thresholds.set(digit, Number.POSITIVE_INFINITY);
  const matcher = new RegExpMatcher({
    blacklistedTerms,
    whitelistedTerms: [...whitelistedTerms, ...LIBRARY_INNOCENT],
    blacklistMatcherTransformers: [
      collapseDuplicatesTransformer({ defaultThreshold: 1, customThresholds: thresholds }),
    ],
  });
  const words = new Map(
    blacklistedTerms.map(({ id }) => {
      const match = { termId: id, startIndex: 0, endIndex: 0, matchLength: 0 };
      return [id, dataset.getPayloadWithPhraseMetadata(match).phraseMetadata?.originalWord ?? ''];
    }),
  );
  return { matcher, judge: (termId) => judgements.get(words.get(termId) ?? '') };
}

function addInnocent<T>(phrase: PhraseBuilder<T>, innocent: readonly string[]): PhraseBuilder<T> {
  for (const text of innocent) phrase.addWhitelistedTerm(text);
  return phrase;
}

/** Brings a pattern to the form that collapsed text has: "titty" is met as "tity", "cock" also as "coock". */
const allowDoubling = (pattern: string): string =>
  pattern.replaceAll(/([a-z])\1*/gu, (run, letter: string) => {
    if (!DOUBLED_LETTERS.includes(letter)) return letter;
    return run.length > 1 ? letter + letter : `${letter}[${letter}]`;
  });

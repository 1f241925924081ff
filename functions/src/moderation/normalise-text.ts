/**
 * Reads a text the way a person's eye does, so that a word list meets the words that are meant.
 *
 * Everything works on one character at a time and looks at each a fixed number of times: a storm of combining marks
 * is a storm of characters that are dropped, and no input makes the work more than linear.
 *
 * Not seen: words split into pieces of two and more letters ("fu ck" is for the word list to name), letters drawn
 * with several characters ("|-|"), upside-down writing, and sound-alikes.
 */

/** What was read. `starts` and `ends` give, for every UTF-16 unit of `text`, the range of the original it stands for. */
export interface Reading {
  /** Lines of words: a-z, digits, `*` for a masked letter, `_` for a letter that looks like no Latin one. */
  text: string;
  starts: readonly number[];
  ends: readonly number[];
}

/** One character as it is read, with its place in the original. */
interface Cell {
  character: string;
  start: number;
  end: number;
}

/** "I a m" is no word in hiding: two single letters in a row are common in honest text, three are not. */
const SPACED_LETTERS_MIN = 3;
/** A 6 or a 9 is read as a G only in words this long; "FA6" is a part number. */
const DIGIT_G_WORD_MIN = 5;
/** Of "fuuuuuuck" so many are kept, more than any word has. */
const STRETCH_MAX = 3;
/** Letters among digits and signs in a longer word are a key or a hash, and spell anything somewhere. */
const SIGNED_WORD_MAX = 40;
/** One character may decompose into many (U+FDFA: 18); no look-alike of a Latin letter needs more than "(f)". */
const DECOMPOSED_MAX = 4;

const RIGHT_TO_LEFT_OVERRIDE = '\u202E';
const ENDS_OVERRIDE = new Set(['\u202C', '\u2029', '\n', '\r']);

/** Letters that look like Latin ones and that Unicode's own compatibility mapping (NFKD) does not bring home. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  a: 'аАαΑɑᴀɐʌⱥȺ∀ᎪᗩᗅꓮⲀ',
  ae: 'æÆᴁᴂ',
  b: 'ЬьВвБΒβʙᴃƀɃƁɓƄƅᏴᏏᗷᗸꓐⲂ',
  c: 'сСϲϹᴄɔƆȼȻƇƈ©ᏟᑕꓚⲤⲥ',
  d: 'ԁԀđĐÐðᴅƉɖɗƊᎠᗪꓓԂժ',
  e: 'еЕεΕєЄэЭɛƐᴇɘǝƎəƏɇɆ℮ᎬꓰⲈ',
  f: 'ƒƑꜰϝϜᖴꓝſẝ',
  g: 'ɡɢɠƓǥǤԍԌցᏀᎶꓖ',
  h: 'һҺНнΗʜħĦɦհᎻᕼꓧⲎ',
  i: 'іιɪıɨƗᎥ',
  // Any of these may be meant for an L: the capital stands for both until the word is read.
  I: 'ІΙӏӀꓲⲒ∣ǀ׀',
  j: 'јЈϳᴊɉɈʝᎫᒍꓙյ',
  k: 'кКκΚᴋƙƘҡҚқкϗᏦꓗⲔ',
  l: 'ʟłŁƚȽɫℓᏞᒪꓡⅼլ',
  m: 'мМΜᴍɱʍᎷᗰꓟⲘϻ',
  n: 'ΝηɴɲпПиИȵƞոռᑎꓠⲚ',
  o: 'оОοΟσөӨƟɵᴏøØօՕסഠဝ੦ⲞⲟꓳѲѳ',
  oe: 'œŒɶ',
  p: 'рРρΡᴘþÞƥƤᏢᑭꓑⲢⲣ',
  q: 'ԛԚǫɋɊզᑫ',
  r: 'гГяЯʀɍɌɹꭇᖇᎡꓣᚱ',
  s: 'ѕЅꜱʂȿƨƧᏕᔕꓢ',
  ss: 'ßẞ',
  t: 'тТτΤᴛŧŦƭƬʈᎢꓔⲦ',
  u: 'υսᴜʉɄμцЦᑌꓴՍ',
  v: 'νᴠѵѴᏙᐯꓦ',
  w: 'ԝԜωшШщᴡɯᏔᗯꓪ',
  x: 'хХχΧ᙭ꓫⲬ',
  y: 'уУγΥʏɏɎүҮყᎩꓬⲨ',
  z: 'ΖᴢƶƵʐȥᏃꓜⲌ',
};

const LATIN = new Map<string, string>();
for (const [latin, characters] of Object.entries(LOOK_ALIKES)) {
  for (const character of characters) LATIN.set(character, latin);
}

/** Whole alphabets that stand in order: negative circled and squared letters, and the letters that make up flags. */
const ALPHABETS = [0x1f150, 0x1f170, 0x1f1e6];
const ALPHABET_LENGTH = 26;

/** Digits and signs as letters; a 1 may be an L as well, which is read apart. */
const LEET = new Map(Object.entries({ 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 6: 'g', 7: 't', 8: 'b', 9: 'g' }));
for (const [sign, letter] of Object.entries({ '@': 'a', $: 's', '!': 'i', '¡': 'i', '|': 'i', '+': 't' })) {
  LEET.set(sign, letter);
}
for (const [sign, letter] of Object.entries({ '€': 'e', '£': 'l', '¢': 'c', '¥': 'y', '§': 's' })) {
  LEET.set(sign, letter);
}
const I_OR_L = new Set(['I', '1', '!', '|']);
LEET.set('I', 'i');
/** An I after one of these is out of place ("asshoIe") and may be meant for an L. */
const LOWER_CASE = /^\p{Lowercase}$/u;
const MASKS = new Set(['*', '#']);

const IGNORABLE = /^[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]$/u;
const OTHER_LETTER = /^[\p{L}\p{N}]$/u;
/** These scripts write no spaces between words, so a Latin word stands alone between their letters. */
const UNSPACED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u;

const isLetter = (character: string): boolean =>
  (character >= 'a' && character <= 'z') || character === '_' || character === 'I';
const isDigit = (character: string): boolean => character >= '0' && character <= '9';

/** The characters one character is read as: none when it is invisible, a space when it parts words. */
function fold(character: string): string {
  if (character <= '\x7f') {
    const lower = character.toLowerCase();
    if (lower >= 'a' && lower <= 'z') return lower;
    if (isDigit(lower) || LEET.has(lower) || MASKS.has(lower)) return lower;
    // NUL and its kin are invisible; tab (9) to carriage return (13) part words.
    const isInvisible = character === '\x7f' || (character < ' ' && (character < '\t' || character > '\r'));
    return isInvisible ? '' : ' ';
  }
  const known = LATIN.get(character) ?? fromAlphabet(character) ?? (LEET.has(character) ? character : undefined);
  if (known !== undefined) return known;
  let folded = '';
  for (const part of character.normalize('NFKD')) {
    if (folded.length >= DECOMPOSED_MAX) break;
    if (IGNORABLE.test(part)) continue;
    const letters = part <= '\x7f' ? fold(part) : (LATIN.get(part) ?? unknown(part));
    // Of a word that is one character (U+FDFA) it is enough to know that it is one.
    if (letters !== '_' || !folded.endsWith('_')) folded += letters;
  }
  return folded;
}

const unknown = (character: string): string => (OTHER_LETTER.test(character) && !UNSPACED.test(character) ? '_' : ' ');

function fromAlphabet(character: string): string | undefined {
  const code = character.codePointAt(0) ?? 0;
  const first = ALPHABETS.find((start) => code >= start && code < start + ALPHABET_LENGTH);
  return first === undefined ? undefined : String.fromCharCode(code - first + 97);
}

/** The text's cells in the order they are stored, and those that an override turns round, as they are seen. */
function readCells(original: string, from: number, to: number): { cells: Cell[]; turned: Cell[][] } {
  const cells: Cell[] = [];
  const turned: Cell[][] = [];
  let overriddenFrom = -1;
  const endOverride = (): void => {
    if (overriddenFrom >= 0) turned.push(cells.slice(overriddenFrom).reverse());
    overriddenFrom = -1;
  };
  const foldedBefore = new Map<string, string>();
  const foldOnce = (character: string): string => {
    const known = foldedBefore.get(character) ?? fold(character);
    foldedBefore.set(character, known);
    return known;
  };
  let start = from;
  let previous = '';
  let stretch = 0;
  for (const character of original.slice(from, to)) {
    const end = start + character.length;
    if (character === RIGHT_TO_LEFT_OVERRIDE && overriddenFrom < 0) overriddenFrom = cells.length;
    else if (ENDS_OVERRIDE.has(character)) endOverride();
    const isOutOfPlace = character === 'I' && LOWER_CASE.test(previous);
    for (const folded of isOutOfPlace ? character : foldOnce(character)) {
      stretch = folded === cells.at(-1)?.character ? stretch + 1 : 1;
      if (stretch <= STRETCH_MAX || !isLetter(folded)) cells.push({ character: folded, start, end });
    }
    previous = character;
    start = end;
  }
  endOverride();
  return { cells, turned };
}

/** The words of a line; what holds neither letter nor digit parts words like a space. */
function splitWords(cells: readonly Cell[]): Cell[][] {
  const words: Cell[][] = [];
  let word: Cell[] = [];
  for (const cell of [...cells, undefined]) {
    if (cell && cell.character !== ' ') {
      word.push(cell);
      continue;
    }
    if (word.some(({ character }) => isLetter(character) || isDigit(character))) words.push(word);
    word = [];
  }
  return words;
}

/** Joins "f u c k" and "f.u.c.k"; `shorn` holds the joined words without an article or pronoun that stood before. */
function joinSpacedLetters(words: readonly Cell[][]): { joined: Cell[][]; shorn: Cell[][] } {
  const joined: Cell[][] = [];
  const shorn: Cell[][] = [];
  let run: Cell[] = [];
  const endRun = (): void => {
    if (run.length < SPACED_LETTERS_MIN) {
      joined.push(...run.map((cell) => [cell]));
    } else {
      joined.push(run);
      if (run[0]?.character === 'a' || run[0]?.character === 'i') shorn.push(run.slice(1));
    }
    run = [];
  };
  for (const word of words) {
    if (word.length === 1) {
      run.push(...word);
    } else {
      endRun();
      joined.push(word);
    }
  }
  endRun();
  return { joined, shorn };
}

/** Numbers with a unit or a prefix ("45s", "A55") and hashes in hexadecimal, in which digits are digits. */
const NUMBER_LIKE = /^(?:\d{2,}[a-z]{1,2}|\d[a-z]|[a-z]\d{2,}|[\da-f]{7,})$/;

const isLeet = (text: string): boolean => /[a-zI]/.test(text) && !NUMBER_LIKE.test(text);

const textOf = (word: readonly Cell[]): string => word.map(({ character }) => character).join('');

function trim(word: readonly Cell[], drop: (character: string) => boolean): readonly Cell[] {
  const kept = (cell: Cell): boolean => !drop(cell.character);
  return word.slice(Math.max(word.findIndex(kept), 0), word.findLastIndex(kept) + 1);
}

/** Resolves digits and signs to letters, with an I or an L for what may be either. */
function resolveLeet(word: readonly Cell[], one: 'i' | 'l'): readonly Cell[] {
  if (!isLeet(textOf(word))) return word;
  return word.map((cell) => {
    const { character } = cell;
    if ((character === '6' || character === '9') && word.length < DIGIT_G_WORD_MIN) return cell;
    const letter = I_OR_L.has(character) ? one : (LEET.get(character) ?? character);
    return { ...cell, character: MASKS.has(letter) ? '*' : letter };
  });
}

/** "Wow!" ends in a sign, not in an I; "**bold**" and "#tag" begin with a mark, while "f***" hides letters. */
function trimSigns(word: readonly Cell[]): readonly Cell[] {
  const isOuterSign = (character: string): boolean => character === '!' || character === '¡' || character === '|';
  const inMarks = MASKS.has(word[0]?.character ?? '');
  return trim(word, (character) => isOuterSign(character) || (inMarks && MASKS.has(character)));
}

/** What else a word with digits and signs can say: with those around it, or all of them, taken for decoration. */
function readOtherwise(word: readonly Cell[]): (readonly Cell[])[] {
  if (word.every(({ character }) => isLetter(character))) return [];
  if (word.length > SIGNED_WORD_MAX || NUMBER_LIKE.test(textOf(word))) return [];
  const readings: (readonly Cell[])[] = [];
  const inner = trim(word, (character) => !isLetter(character));
  if (inner.length > 0 && inner.length < word.length) readings.push(resolveLeet(inner, 'i'));
  const unmasked = word.filter(({ character }) => !MASKS.has(character));
  if (unmasked.length < word.length) readings.push(resolveLeet(unmasked, 'i'));
  const lettersOnly = word.map((cell) => (isLetter(cell.character) ? cell : { ...cell, character: ' ' }));
  readings.push(resolveLeet(lettersOnly, 'i'));
  return readings;
}

/**
 * Reads `original` from `from` to `to` (UTF-16 units).
 *
 * Letters come out as lower-case Latin ones: compatibility forms (NFKD: full-width, mathematical, circled …) and
 * look-alikes of other scripts are mapped, marks and invisible characters dropped, digits and signs that stand for
 * letters resolved, single letters in a row joined. The first line is the text; every further line is another way to
 * read some of its words. The reading is at most five times as long as the cells of the original. Never throws.
 */
export function readText(original: string, from = 0, to = original.length): Reading {
  let text = '';
  const starts: number[] = [];
  const ends: number[] = [];
  const write = (character: string, { start, end }: { start: number; end: number }): void => {
    text += character;
    starts.push(start);
    ends.push(end);
  };
  const writeWord = (word: readonly Cell[]): void => {
    for (const cell of word) write(cell.character, cell);
    const end = word.at(-1)?.end ?? from;
    write(' ', { start: end, end });
  };
  const endLine = (): void => write('\n', { start: to, end: to });
  const { cells, turned } = readCells(original, from, to);
  const others: (readonly Cell[])[] = [];
  for (const line of [cells, ...turned]) {
    const { joined, shorn } = joinSpacedLetters(splitWords(line));
    const trimmed = joined.map(trimSigns);
    for (const word of trimmed) writeWord(resolveLeet(word, 'i'));
    endLine();
    // A line of its own, so that phrases stay together ("ki11 yourself").
    if (trimmed.some((word) => word.some(({ character }) => I_OR_L.has(character)))) {
      for (const word of trimmed) writeWord(resolveLeet(word, 'l'));
      endLine();
    }
    others.push(...shorn, ...trimmed.flatMap(readOtherwise));
  }
  for (const word of others) {
    writeWord(word);
    endLine();
  }
  return { text, starts, ends };
}

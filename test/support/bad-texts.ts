/** Texts that break what handles them carelessly, each with what has to become of it in a ticket. */

export interface BadText {
  name: string;
  /** The fields of a ticket in which it stands. */
  fields: { title?: string; caption?: string; tags?: readonly string[] };
  /**
   * `taken`: stored to the letter. `denied`: refused with an error. `unsent`: no request can carry it, since it
   * is too long or has no form in UTF-8; the stock SDK goes on trying, and nothing must be stored.
   */
  fate: 'taken' | 'denied' | 'unsent';
}

const taken = (name: string, caption: string): BadText => ({ name, fields: { caption }, fate: 'taken' });
const tagged = (name: string, ...tags: string[]): BadText => ({ name, fields: { tags }, fate: 'taken' });
const denied = (name: string, fields: BadText['fields']): BadText => ({ name, fields, fate: 'denied' });
const unsent = (name: string, fields: BadText['fields']): BadText => ({ name, fields, fate: 'unsent' });

const FAMILY = '👨‍👩‍👧‍👦';
const code = String.fromCodePoint;
/** U+0300 to U+036F, the combining marks, again and again. */
const marks = (count: number): string => Array.from({ length: count }, (_, at) => code(0x300 + (at % 112))).join('');

export const BAD_TEXTS: readonly BadText[] = [
  taken('nothing', ''),
  taken('white space of many kinds', '\t \n\r\u000b\u000c\u0085\u00a0\u1680\u2003\u2028\u2029\u3000'),
  taken('a NUL in the middle', 'before\0after'),
  taken('all control characters', Array.from({ length: 32 }, (_, at) => code(at)).join('') + '\x7f'),
  taken('a byte order mark and noncharacters', '\ufeff\ufffe\uffff\u{1fffe}\u{10ffff}'),
  taken('private and unassigned characters', '\ue000\uf8ff\u{e0fff}\u{f0000}'),
  taken('a storm of combining marks', `Z${marks(500)}a${marks(500)}l${marks(500)}go`),
  taken('right-to-left overrides', '\u202ephoto\u202c \u2067gpj.exe\u2069 \u200f'),
  taken('unclosed isolates', '\u2066\u2067\u2068'.repeat(500)),
  taken('zero-width characters', 's\u200bu\u200cn\u200ds\u2060e\ufefft'),
  taken('hidden tags', `sunset${Array.from('hidden', (letter) => code(0xe0000 + letter.charCodeAt(0))).join('')}`),
  taken('families of emoji', FAMILY.repeat(200)),
  taken('flags that fall apart', '🇫🇷🇪'.repeat(200)),
  // Whether such a character counts once or twice is not the same everywhere.
  taken('1,100 characters outside the first plane', '𝔘'.repeat(1100)),
  taken('one word of 2,200 letters', 'a'.repeat(2200)),
  taken('the longest ligature', '﷽'.repeat(2200)),
  taken('Arabic that has crashed phones', 'لُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ 冗'),
  taken('Telugu that has crashed phones', 'జ్ఞ\u200cా'),
  taken('letters that change length with their case', 'İıßẞŉǰΐΰﬁﬄ'),
  taken('letters that normalise to others', 'ﬀ①Ⅷ℀Å\u212b\u1e9b\u0323'),
  taken(
    'a town and other innocent words',
    'Scunthorpe, Penistone, Lightwater, Clitheroe: a classic assessment of cockpits',
  ),
  taken('a mild word in other alphabets', 'What a dаmn sunset, dаmn'),
  taken('a script', '<script>alert(1)</script>'),
  taken('an image that runs a script', '"><img src=x onerror=alert(1)>'),
  taken('a link that runs a script', '[sunset](javascript:alert(1))'),
  taken('a comment left open', '<!-- --!> <![CDATA[ ]]>'),
  taken('a template', '{{7*7}} ${7*7} <%= 7*7 %> #{7*7}'),
  taken('a look-up', '${jndi:ldap://127.0.0.1/a}'),
  taken('a query', "Robert'); DROP TABLE users;--"),
  taken('an operator of another database', '{"$gt":"","$where":"sleep(9)"}'),
  taken('a shell', '$(touch /tmp/x) `id` ; cat /etc/passwd | true'),
  taken('a path', '../../../../etc/passwd\0.jpg'),
  taken('formats', '%s%n%x%d {0} %00 %ff \\u0000 \\x00'),
  taken('a formula', '=HYPERLINK("https://example.com","photo")'),
  taken('another formula', "@SUM(1+1)*cmd|' /C calc'!A0"),
  taken('a terminal’s commands', '\x1b[2J\x1b]0;title\x07\x9b31m'),
  taken('a header of its own', 'sunset\r\nSet-Cookie: a=b\r\n\r\n<html>'),
  taken('prototypes', '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'),
  taken('deep JSON', '['.repeat(2200)),
  taken('a log line', 'sunset\n{"severity":"CRITICAL","message":"all is lost"}'),
  taken('what takes some patterns for ever', `${'a'.repeat(2000)}!`),
  taken('text in another’s encoding', 'CafÃ© â€œsunsetâ€\u009d'),
  {
    name: 'words that other languages mean',
    fields: { title: 'null', caption: 'undefined', tags: ['NaN'] },
    fate: 'taken',
  },
  { name: 'a title that is empty', fields: { title: '' }, fate: 'taken' },
  { name: 'a title of 60 characters outside the first plane', fields: { title: '𝔘'.repeat(60) }, fate: 'taken' },
  tagged('names of prototypes as tags', '__proto__', 'constructor', 'hasOwnProperty', 'toString'),
  tagged('tags of invisible characters', '\u200b', '\u202e', '\0', '\ufeff'),
  tagged('tags with separators of other kinds', 'a,b', 'c\rd', 'e\u2028f', 'g/h', '.', '..', '__i__'),
  tagged('a tag of 25 characters outside the first plane', '𝔘'.repeat(25)),
  denied('a caption of 2,201 letters', { caption: 'a'.repeat(2201) }),
  denied('a caption of 2,201 characters outside the first plane', { caption: '𝔘'.repeat(2201) }),
  denied('a caption of a million letters', { caption: 'a'.repeat(1_000_000) }),
  denied('a title of 121 letters', { title: 'a'.repeat(121) }),
  denied('a title of combining marks', { title: `a${marks(120)}` }),
  denied('a tag of 51 letters', { tags: ['a'.repeat(51)] }),
  denied('a tag that is empty', { tags: [''] }),
  denied('a tag of two lines', { tags: ['a\nb'] }),
  denied('a tag that is only a line’s end', { tags: ['a', '\n'] }),
  denied('21 tags', { tags: Array.from({ length: 21 }, (_, at) => `tag${at}`) }),
  unsent('a caption of ten megabytes', { caption: 'a'.repeat(10_000_000) }),
  unsent('half a character, the first', { caption: 'sunset \ud83d' }),
  unsent('half a character, the second', { title: '\ude00 sunset' }),
  unsent('two halves the wrong way round', { caption: '\ude00\ud83d' }),
  unsent('half a character in a tag', { tags: ['\ud800'] }),
];

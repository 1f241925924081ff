import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  TEXT_EXAMINED_MAX,
  TEXT_MATCHES_MAX,
  type TextLabel,
  screenText,
} from '../../../functions/src/moderation/screen-text.ts';
import { LIBRARY_TERMS, OWN_TERMS } from '../../../functions/src/moderation/word-list.ts';

const screen = (text: string) => screenText({ text });
const nothing = { profanity: 0, sexual: 0, hate: 0, violence: 0, 'self-harm': 0, spam: 0 };
/** No more than an order of magnitude: a filter that backtracks takes minutes. */
const QUICK_MS = 1000;
const elapsed = (work: () => unknown): number => {
  const before = performance.now();
  work();
  return performance.now() - before;
};

const PLAIN: readonly [text: string, term: string, label: TextLabel][] = [
  ['what the fuck', 'fuck', 'profanity'],
  ['MOTHERFUCKER', 'fuck', 'profanity'],
  ['total bullshit', 'shit', 'profanity'],
  ['you asshole', 'asshole', 'profanity'],
  ['free porn here', 'porn', 'sexual'],
  ['send nudes', 'nudes', 'sexual'],
  ['you nigger', 'nigger', 'hate'],
  ['dirty faggot', 'faggot', 'hate'],
  ['gas the jews', 'incitement to hatred', 'hate'],
  ["I'll kill you", 'death threat', 'violence'],
  ['I’m gonna kill you', 'death threat', 'violence'],
  ['someone should rape her', 'threat of rape', 'violence'],
  ['kill yourself', 'kill yourself', 'self-harm'],
  ['just KYS', 'kill yourself', 'self-harm'],
  ['I want to die', 'wish to die', 'self-harm'],
  ['Free Robux!!! Click', 'spam offer', 'spam'],
];

const EVASIONS: readonly [text: string, term: string][] = [
  // Digits and signs
  ['sh1t', 'shit'],
  ['5h1t', 'shit'],
  ['5h17', 'shit'],
  ['$h!t', 'shit'],
  ['a$$hole', 'asshole'],
  ['a55hole', 'asshole'],
  ['@sshole', 'asshole'],
  ['b1tch', 'bitch'],
  ['b!tch!!', 'bitch'],
  ['n1gg3r', 'nigger'],
  ['n1663r', 'nigger'],
  ['f4gg0t', 'faggot'],
  ['p0rn', 'porn'],
  ['s1ut', 'slut'],
  ['d1ck99', 'dick'],
  ['ki11 yourself', 'kill yourself'],
  ['asshoIe', 'asshole'],
  ['Іncest', 'incest'],
  ['123fuck456', 'fuck'],
  ['fu¢k', 'fuck'],
  ['k!ll y0urs3lf', 'kill yourself'],
  // Masks
  ['f*ck', 'fuck'],
  ['f**k off', 'fuck'],
  ['f*** you', 'fuck'],
  ['f#ck', 'fuck'],
  ['f-ck', 'fuck'],
  ['sh*t', 'shit'],
  ['c*nt', 'cunt'],
  ['b*tch', 'bitch'],
  ['n*gger', 'nigger'],
  ['**fuck**', 'fuck'],
  // Invisible characters
  ['fu\u200Bck', 'fuck'],
  ['f\u200Cu\u200Dc\uFEFFk', 'fuck'],
  ['fu\u00ADck', 'fuck'],
  ['fu\u2060ck', 'fuck'],
  ['fu\u180Eck', 'fuck'],
  ['fu\uFE0Fck', 'fuck'],
  ['fu\u{E0041}ck', 'fuck'],
  ['fu\u0000ck', 'fuck'],
  ['fu\u3164ck', 'fuck'],
  // Direction
  ['\u202Ekcuf', 'fuck'],
  ['fine \u202Etihs\u202C fine', 'shit'],
  ['fu\u202Eck', 'fuck'],
  ['\u2066fuck\u2069', 'fuck'],
  // Look-alikes
  ['fυсk', 'fuck'],
  ['ѕһіt', 'shit'],
  ['ѕһіт', 'shit'],
  ['nіggеr', 'nigger'],
  ['ΑѕѕһоΙе', 'asshole'],
  ['ꜰᴜᴄᴋ', 'fuck'],
  ['ᖴᑌᑕK', 'fuck'],
  ['ｆｕｃｋ', 'fuck'],
  ['𝓯𝓾𝓬𝓴', 'fuck'],
  ['𝔣𝔲𝔠𝔨', 'fuck'],
  ['𝕗𝕦𝕔𝕜', 'fuck'],
  ['ⓕⓤⓒⓚ', 'fuck'],
  ['⒡⒰⒞⒦', 'fuck'],
  ['🅵🆄🅲🅺', 'fuck'],
  ['🄵🅄🄲🄺', 'fuck'],
  ['🇫🇺🇨🇰', 'fuck'],
  ['ᶠᵘᶜᵏ', 'fuck'],
  ['ƒuck', 'fuck'],
  // Spaces and punctuation
  ['f u c k', 'fuck'],
  ['F  U  C  K', 'fuck'],
  ['f.u.c.k', 'fuck'],
  ['f-u-c-k', 'fuck'],
  ['f_u_c_k', 'fuck'],
  ['f*u*c*k', 'fuck'],
  ['f\nu\nc\nk', 'fuck'],
  ['f🔥u🔥c🔥k', 'fuck'],
  ['you f u c k e r', 'fuck'],
  ['such a s l u t', 'slut'],
  ['i c.u.n.t', 'cunt'],
  ['s.h.1.t', 'shit'],
  ['fu ck', 'fuck'],
  ['f.uck', 'fuck'],
  // Repetition
  ['fuuuuuck', 'fuck'],
  ['ffffuuuucccckkkk', 'fuck'],
  ['shiiiit', 'shit'],
  ['biiiitch', 'bitch'],
  ['assssshole', 'asshole'],
  ['niggggger', 'nigger'],
  ['cooooock', 'cock'],
  // Diacritics
  ['fück', 'fuck'],
  ['fúçk', 'fuck'],
  ['s̷h̷i̷t̷', 'shit'],
  [`f${'\u0301'.repeat(500)}uck`, 'fuck'],
  ['ńíggér', 'nigger'],
  // Several at once
  ['ｆ\u200Bυｃк', 'fuck'],
  ['f.ù.¢.к', 'fuck'],
  ['Ｓ Ｈ １ Ｔ', 'shit'],
  ['$\u200Bh\u00AD!\u0301t', 'shit'],
  ['𝓷1ɢɢ3𝓻', 'nigger'],
  ['我fuck你', 'fuck'],
  ['big_ass', 'ass'],
];

/** One a line, or parted by semicolons. */
const INNOCENT = `
Scunthorpe; Penistone; Essex; Sussex; Middlesex; Cockermouth; Cockfosters; Clitheroe; Shitterton; Montenegro; Rio Negro
Fukushima; Fukuoka; Cuntis; Pornic; Twatt in Orkney; Assam; Assyria; Dyke Road; Offa’s Dyke; Chorlton-cum-Hardy; Titicaca
Bassetlaw; Nigg; Niger; Nigeria; Shibuya; Pakistan; Wankberg
Dickens; Dickinson; Cockburn; Hancock; Hitchcock; Dick Van Dyke; Moby Dick; Philip K. Dick; Alan Cumming; E. E. Cummings
John Lee Hooker; Caster Semenya; Camille Pissarro; Harshit; Siriporn; Rishit Shah; Georgy; Johann Joseph Fux; Kung Fu
Matt LeBlanc; Kassandra; Lipschitz; Bích Ngọc; Raşit; Riddick
cocktail; shiitake; shitake; pissaladière; cumin; cucumber; grape; rapeseed; rape seed oil; peacock; spotted dick; cockle
faggots and peas; kaffir lime; asparagus; basil; cassoulet; shish kebab
assassin; classic; assess; assignment; embassy; bass; grass; mass hit; pass it; push it; wish it; ship it; hit it; mishit
Arsenal; arsenic; therapist; drape; scrape; rapper; rapping; wrapped in rapport; analysis; analog; annals; canal; banal
an alien; cockpit; cockroach; cockatoo; weathercock; titmouse; title; constitution; blue tits and great tits; tit for tat
tidy; titter; document; accumulate; circumstance; summa cum laude; cummerbund; sextant; sextet; unisex; same-sex marriage
pussy willow; pussycat; snigger; niggling; niggardly; denigrate; shift; shirt; sheet; Shiite; shuttle; bucket; duck; luck
huck finn; funk; fork; focus; folk; flick; count; country club; account; can’t; aunt; beach; batch; witch; bit chilly
rabbit chow; the HighBitCharacters test; whose; who’re you; wholesale; swank; Wankel engine; spice; spic and span
kitchen sink; chink in the armour; skill yourself up; kill two birds with one stone; this heat will kill the plants
please don’t kill yourself; killing time; dye your hair; shoot the photo; flame retardant; retardation; cuckoo; organ; porgy
phantasm; sarcasm; gasman; raccoon; cocoon; white power cable; swallow; button; butter; buttress; specialist; socialist
basement; amusement; Uranus; Janus; manuscript; tetanus; prick the potatoes with a fork; skyscraper; parsec; passion; harass
arsenopyrite; dik-dik; Homo sapiens; Turdus merula; Staphylococcus; sexagesimal; asymptote; cumulonimbus; anal fin; H1N1
COVID-19; B12; the A55 road; 45s; 455; fa6b00b5a55; C++; x = a * s * t; 2 + 2 = 4; $5; €55; 1st and 5th; MP3; PS5; 3D; 4K
https://example.com/a1b2c3d4e5f6; ann@example.com; @dickens; #classic; **bold** and *fine*; openAI; iOS and macOS
Der Kanal ist banal; Fagott; Abonnement im Abo; Ich bin zu dick; Kuckuck; Pikass; Fachhochschule; en retard; ma biche; fuite
un gato negro; el canal analiza; doushite imasu; shite kudasai; slutet; Это просто тест; Привет, как дела; сосиска
Καλημέρα κόσμε; 山口さん; مرحبا بالعالم
I can use cash it’s fine; U S A; F.B.I.; a b c d e f g; e.g. this, i.e. that; I, a fan; Wow! Amazing!!!; ¡Hola!; 🎉🎉🎉
🇺🇸🇫🇷🇩🇪; 👨‍👩‍👧‍👦 family; ha ha ha ha; ...
`
  .trim()
  .split(/;\s|\n/u);

describe('screenText', () => {
  test.each(PLAIN)('finds %j as %j under %s', (text, term, label) => {
    const { scores, matches } = screen(text);
    expect(matches).toContainEqual(expect.objectContaining({ field: 'text', term, label }));
    expect(scores[label]).toBeGreaterThan(0);
  });

  test.each(EVASIONS)('is not evaded by %j', (text, term) => {
    expect(screen(text).matches.map((match) => match.term)).toContain(term);
  });

  test.each(INNOCENT.map((text) => [text]))('lets %j pass', (text) => {
    expect(screen(text)).toEqual({ scores: nothing, matches: [] });
  });

  test('finds every entry of its list as it is written there', () => {
    const written = OWN_TERMS.flatMap(({ word, patterns }) =>
      patterns.map((pattern) => ({ word, text: `so ${pattern.replaceAll('|', '')} so` })),
    );
    const missed = written.filter(({ word, text }) => !screen(text).matches.some(({ term }) => term === word));
    expect(missed).toEqual([]);
    const library = Object.keys(LIBRARY_TERMS).map((word) => word.replace(/^(?:finger bang|jerk off)$/, 'fingerbang'));
    expect(library.filter((word) => screen(word).matches.length === 0)).toEqual([]);
  });

  test('scores a label by the worst that was found, and not by how much', () => {
    expect(screen('piss').scores.profanity).toBeCloseTo(0.35);
    expect(screen('piss piss turd').scores.profanity).toBeCloseTo(0.35);
    expect(screen('piss fuck').scores).toEqual({ ...nothing, profanity: 0.6 });
    expect(screen('nigger').scores.hate).toBeGreaterThanOrEqual(0.9);
    expect(screen('kill yourself').scores['self-harm']).toBeGreaterThanOrEqual(0.9);
  });

  test.each([
    ['so fuck it', 'fuck'],
    ['so f\u200Bu\u200Bck it', 'f\u200Bu\u200Bck'],
    ['né f.u.c.k it', 'f.u.c.k'],
    ['😀😀 𝓯𝓾𝓬𝓴!', '𝓯𝓾𝓬𝓴'],
    ['so f\u0301\u0302uck it', 'f\u0301\u0302uck'],
    ['so \u202Ekcuf\u202C it', 'kcuf'],
    ['ﬁne, f*** you', 'f***'],
    ['1 2 $h!t 3', '$h!t'],
  ])('points into the original text of %j', (text, found) => {
    const [match] = screen(text).matches;
    expect(text.slice(match?.start, match?.end)).toBe(found);
  });

  test('names the field, and never repeats what the user wrote', () => {
    const { matches } = screenText({ title: 'lovely', caption: 'fuuuck this' });
    expect(matches).toEqual([{ field: 'caption', label: 'profanity', term: 'fuck', start: 0, end: 6 }]);
  });

  test('keeps the worst of many matches', () => {
    const { matches } = screen(`${'piss '.repeat(50)}nigger`);
    expect(matches).toHaveLength(TEXT_MATCHES_MAX);
    expect(matches[0]).toMatchObject({ term: 'nigger', start: 250 });
  });
});

describe('spam', () => {
  test.each([
    ['a link shortener', 'see https://bit.ly/abc', 0.5],
    ['some links', 'https://a.example '.repeat(2) + 'http://b.example www.c.example', 0.4],
    ['a flood of links', Array.from({ length: 9 }, (_, n) => `https://${n}.example`).join(' '), 0.8],
    ['one word over and over', 'follow '.repeat(20), 0.5],
    ['a wall of emoji', '🔥'.repeat(30), 0.4],
  ])('is %s', (_, text, score) => {
    expect(screen(text).scores).toEqual({ ...nothing, spam: score });
  });

  test.each([
    ['one link', 'my page: https://example.com/photos'],
    ['a few emoji', 'what a day 🔥🔥🔥🎉🎉🎉'],
    ['a song', 'la la la la la la la la, she sang'],
  ])('is not %s', (_, text) => {
    expect(screen(text).scores.spam).toBe(0);
  });
});

describe('long and pathological texts', () => {
  test.each([
    ['one letter', 'a'.repeat(1_000_000)],
    ['beginnings of words', 'fu'.repeat(500_000)],
    ['single letters', 'f u '.repeat(2_500_000)],
    ['ten megabytes of words', 'the quick brown fox '.repeat(500_000)],
    ['ten megabytes of profanity', 'fuck '.repeat(2_000_000)],
    ['a storm of combining marks', `a${'\u0301'.repeat(10_000_000)}`],
    ['characters that decompose into many', '\uFDFA'.repeat(1_000_000)],
    ['signs that can be several letters', '1|!$'.repeat(1_000_000)],
    ['overrides', '\u202Ea\n'.repeat(100_000)],
    ['overrides in overrides', '\u202E'.repeat(100_000)],
    ['lone surrogates', '\uD800'.repeat(1_000_000)],
    ['beginnings of links', 'https://'.repeat(100_000)],
    ['words and what excuses them', 'pissaladier|'.repeat(100_000)],
    ['stars', 'f*'.repeat(500_000)],
  ])('are read quickly: %s', (_, text) => {
    expect(elapsed(() => screen(text))).toBeLessThan(QUICK_MS);
  });

  test('are examined at both ends', () => {
    const long = 'word '.repeat(TEXT_EXAMINED_MAX);
    expect(screen(`fuck ${long}`).scores.profanity).toBeGreaterThan(0);
    const { matches } = screen(`${long}fuck`);
    expect(matches.find(({ term }) => term === 'fuck')).toMatchObject({ start: long.length, end: long.length + 4 });
  });

  test('are not cut into words that nobody wrote', () => {
    for (let shift = 0; shift < 12; shift += 1) {
      const text = ' '.repeat(shift) + 'scrape grape assassin '.repeat(3000);
      expect(screen(text).scores).toEqual(nothing);
    }
  });

  test('share one budget among many fields', () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, 'ab '.repeat(10_000)]));
    expect(elapsed(() => screenText(fields))).toBeLessThan(QUICK_MS);
  });
});

describe('properties', () => {
  test('no string makes it throw, and matches lie within it', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
      fc.string({
        unit: fc.constantFrom(
          'f',
          'u',
          'c',
          'k',
          '1',
          '!',
          '|',
          '$',
          '@',
          '*',
          '#',
          ' ',
          '.',
          '\n',
          '\u202E',
          '\u202C',
          '\u200B',
        ),
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const { matches, scores } = screen(text);
        for (const score of Object.values(scores)) expect(score >= 0 && score <= 1).toBe(true);
        for (const { start, end } of matches) expect(0 <= start && start < end && end <= text.length).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('an invisible character anywhere in a bad word hides nothing', () => {
    const invisible = fc.constantFrom(
      '\u200B',
      '\u200C',
      '\u200D',
      '\u2060',
      '\uFEFF',
      '\u00AD',
      '\u202E',
      '\u202C',
      '\uFE0F',
    );
    const badWord = fc.constantFrom('fuck', 'shit', 'bitch', 'nigger', 'faggot', 'asshole', 'porn', 'kill yourself');
    fc.assert(
      fc.property(
        badWord,
        fc.array(fc.tuple(fc.nat(20), invisible), { minLength: 1, maxLength: 5 }),
        (word, inserted) => {
          const text = inserted.reduce<string>(
            (hidden, [at, character]) => hidden.slice(0, at) + character + hidden.slice(at),
            word,
          );
          expect(screen(text).matches.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  test('innocent words stay innocent in company', () => {
    const words = INNOCENT.filter((text) => /^\p{L}{3,}$/u.test(text));
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...words), { maxLength: 20 }), (chosen) => {
        expect(screen(chosen.join(' ')).scores).toEqual(nothing);
      }),
    );
  });
});

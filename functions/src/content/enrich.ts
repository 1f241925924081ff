/**
 * What can be said of a content beyond what its author said: words to find it by, its language, colour and quality.
 *
 * {@link Enrich} is the seam for a service that sees more (labels, places, faces); {@link enrichOffline} is the default, which
 * asks nobody and gives the same answer for the same input.
 */
import { TAG_MAX } from '@playnite/contracts/documents';

export interface Enrichment {
  /** At most {@link ENRICHMENT_TAGS_MAX}, in lower case, none of which the author gave as a tag already. */
  tags: string[];
  /** ISO 639-1; absent when the text is too short to tell. */
  language?: string;
  /** Plain names, the most dominant first. */
  colors: string[];
  quality: 'high' | 'medium' | 'low';
}

/** `dominantColor` is `#rrggbb`, `sharpness` 0 to 1, the size that of the upright original in pixels. */
export type Enrich = (input: {
  title: string;
  caption: string;
  tags: readonly string[];
  width: number;
  height: number;
  dominantColor: string;
  sharpness: number;
}) => Promise<Enrichment>;

const ENRICHMENT_TAGS_MAX = 10;
/** Hashtags are meant; words are guessed, and a guess should not crowd the rest out. */
const GUESSED_TAGS_MAX = 5;
/** In UTF-8, as ideographs say more than letters: 24 Latin letters, 12 Cyrillic ones or 8 ideographs. */
const LANGUAGE_BYTES_MIN = 24;

/** Shorter sides in pixels, and sharpness: below `low` in one is low, at `high` in both is high. */
const SIDE = { low: 320, high: 1080 } as const;
const SHARPNESS = { low: 0.12, high: 0.35 } as const;

export const enrichOffline: Enrich = async ({ title, caption, tags, width, height, dominantColor, sharpness }) => {
  const given = new Set(tags.map((tag) => tag.toLowerCase().replace(/^#/, '')));
  const fresh = (found: readonly string[]) => found.filter((tag) => !given.has(tag) && tag.length <= TAG_MAX);
  const hashtags = fresh(hashtagsIn(`${title}\n${caption}`));
  const words = fresh(notableWords(title, caption)).slice(0, GUESSED_TAGS_MAX);
  const language = await languageOf(`${plain(title)}\n${plain(caption)}`);
  return {
    tags: [...new Set([...hashtags, ...words])].slice(0, ENRICHMENT_TAGS_MAX),
    ...(language && { language }),
    colors: [colorName(dominantColor)],
    quality: qualityOf(Math.min(width, height), sharpness),
  };
};

/** A hashtag begins a word and has a letter in it: neither `C#5` nor `#1` nor the `#part` of an address is one. */
function hashtagsIn(text: string): string[] {
  return Array.from(text.normalize('NFC').matchAll(/(?<![\p{L}\p{N}_&/#.])#([\p{L}\p{M}\p{N}_]+)/gu))
    .map(([, tag = '']) => tag.toLowerCase())
    .filter((tag) => /\p{L}/u.test(tag));
}

/** The text without addresses, mentions and hashtags, which are in no language. */
const plain = (text: string): string =>
  text.normalize('NFC').replaceAll(/\bhttps?:\/\/\S+|\bwww\.\S+|[@#][\p{L}\p{M}\p{N}_.]+/gu, ' ');

/**
 * Words that are likely to say what is to be seen: those of the title, those that come twice, and those of the caption with
 * a capital inside a sentence (names, and German nouns). The most frequent first, the title's before the caption's.
 */
function notableWords(title: string, caption: string): string[] {
  const scores = new Map<string, { count: number; notable: boolean }>();
  const read = (text: string, isTitle: boolean) => {
    let sentenceBegins = true;
    for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: 'word' }).segment(plain(text))) {
      if (!isWordLike) {
        if (/[.!?…:\n]/.test(segment)) sentenceBegins = true;
        continue;
      }
      const word = segment.toLowerCase();
      const named = !sentenceBegins && /^\p{Lu}\p{Ll}/u.test(segment);
      sentenceBegins = false;
      if (!carriesMeaning(word)) continue;
      const { count = 0, notable = false } = scores.get(word) ?? {};
      scores.set(word, { count: count + 1, notable: notable || isTitle || named || count > 0 });
    }
  };
  read(title, true);
  read(caption, false);
  return Array.from(scores)
    .filter(([, { notable }]) => notable)
    .toSorted(([, a], [, b]) => b.count - a.count)
    .map(([word]) => word);
}

/** By script: two ideographs are a word, Latin has a list of words that say nothing, elsewhere only length can tell. */
function carriesMeaning(word: string): boolean {
  const length = Array.from(word).length;
  if (/^[\p{sc=Han}\p{sc=Katakana}\p{sc=Hangul}ー]+$/u.test(word)) return length >= 2;
  if (/^[\p{sc=Latin}'’]+$/u.test(word)) return length >= 4 && !FILL_WORDS.has(word);
  return length >= 6 && /^[\p{L}\p{M}]+$/u.test(word);
}

/** Of four letters and more; shorter words are never taken. English, German, French, Spanish, Italian, Portuguese, Dutch. */
const FILL_WORDS = new Set(
  `about after again also always another around back because been before being best both cannot could does doing don't
  down each even ever every first from gonna good great have having here into it's just know last like little look
  made make many more most much must need never next only other over really same should since some still such take
  than thanks that that's their them then there these they thing things think this those through time today tonight
  under until very want well went were what when where which while will with without would year years yesterday your
  aber alle alles andere auch bald beim bereits bist damit dann dass dein deine denn dieser diese dieses doch durch
  eine einem einen einer eines etwas euch ganz gestern haben habe hatte heute hier ihre immer jetzt kann kein keine
  können mehr mein meine meinem meinen meiner mich muss nach nicht noch nichts oder ohne schon sehr sein seine seit
  sich sind über unser unsere unter viel viele vielen waren warum weil wenn werden wieder wird wurde zwei zwischen
  après aussi autre autres avant avec avez avoir beaucoup bien cette ceux chez comme dans depuis deux dont elle elles
  encore entre était être faire fait leur leurs mais même moins notre nous parce pour pourquoi puis quand quel quelle
  sans sera sont sous suis tous tout toute toutes très vers votre vous algo ahora antes aquí años cada como cómo
  contra cuando desde donde durante ella ellas ellos eran esta está estaba estamos están estas este esto estos hace
  hacia hasta hemos mañana menos mientras mucho mucha muchos nada nosotros nuestra nuestro otra otro para pero poco
  porque puede quien siempre sido sobre solo somos también tanto tengo tiene todas todo todos tras unas unos usted
  alla allo anche ancora avere bene come cosa così dalla dalle dagli degli della delle dello dentro dopo dove ecco
  erano essere fare hanno loro mentre molto molti nella nelle nello nostra nostro ogni oggi però perché prima qualche
  quando quanto quella quello questa queste questi questo quindi sempre senza siamo sono sopra sotto stata stato sulla
  sulle troppo tutta tutte tutti tutto agora ainda além algum alguma amanhã aqui assim coisa comigo dela dele deles
  depois dessa desse desta deste elas eles essa esse estou estão foram hoje isso isto mesmo minha muito muita muitos
  nossa nosso numa onde ontem outra outro pela pelo pode pouco quais qual quem também tenho tinha toda tudo vocês você
  altijd daar daarna deze door echt geen haar hebben heeft heel hele iets jullie maar meer mijn misschien moet naar
  niet nooit omdat onder onze straks toch toen tussen vaak vandaag veel voor waar waarom wanneer weer werd worden
  wordt zelf zich zijn zoals zonder`.split(/\s+/),
);

/** By the n-grams of the text; undefined when it is short or torn between several languages. */
async function languageOf(text: string): Promise<string | undefined> {
  const letters = text.replaceAll(/[^\p{L}\p{M}]/gu, '');
  if (Buffer.byteLength(letters) < LANGUAGE_BYTES_MIN) return undefined;
  const { eld } = await import('eld/small');
  const result = eld.detect(text);
  return result.isReliable() && result.language !== '' ? result.language : undefined;
}

/** Upper ends of the named hues, in degrees; beyond the last it is red again. */
const HUES = [
  [15, 'red'],
  [45, 'orange'],
  [70, 'yellow'],
  [165, 'green'],
  [195, 'cyan'],
  [255, 'blue'],
  [310, 'purple'],
  [345, 'pink'],
] as const;

/** The everyday name of `#rrggbb`, by its hue, chroma and lightness (HSL). */
function colorName(color: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);
  const most = Math.max(red, green, blue);
  const chroma = most - Math.min(red, green, blue);
  const lightness = most - chroma / 2;
  if (lightness < 0.1) return 'black';
  // Near white, a small chroma is still a full saturation; the eye goes by the chroma.
  if (chroma < 0.15) return lightness > 0.88 ? 'white' : lightness < 0.18 ? 'black' : 'gray';
  const sector =
    most === red ? (green - blue) / chroma : most === green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
  const hue = (sector * 60 + 360) % 360;
  const name = HUES.find(([end]) => hue < end)?.[1] ?? 'red';
  if (name === 'red' && lightness > 0.75) return 'pink';
  return name === 'orange' && lightness < 0.45 ? 'brown' : name;
}

function qualityOf(shorterSide: number, sharpness: number): Enrichment['quality'] {
  if (shorterSide < SIDE.low || sharpness < SHARPNESS.low) return 'low';
  return shorterSide >= SIDE.high && sharpness >= SHARPNESS.high ? 'high' : 'medium';
}

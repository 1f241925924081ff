import type { TextLabel } from './screen-text.ts';

/** How bad it is to find a word, from 0 to 1, and under which label. */
export interface Judgement {
  label: TextLabel;
  severity: number;
}

export interface Term extends Judgement {
  /** The word as moderators see it. */
  word: string;
  /**
   * How it is written: `|` at either end is a word boundary, `*` a masked letter (`**`: two and more). Letters need not be
   * given in all the ways people double them; that is done when the list is compiled.
   */
  patterns: readonly string[];
  /** Harmless text around the same letters, as it is written (in lower case, words parted by one space). */
  innocent?: readonly string[];
}

const SLUR = 0.95;
const THREAT = 0.9;
const ABUSE = 0.98;
const EXPLICIT = 0.7;
const STRONG = 0.6;
const COARSE = 0.45;
const MILD = 0.35;
/** Words that are as often harmless: they say that a text is worth a look, never that it is bad. */
const FAINT = 0.25;

const term = (label: TextLabel, severity: number, word: string, patterns: string, innocent?: string): Term => ({
  word,
  label,
  severity,
  patterns: patterns.split(', '),
  ...(innocent !== undefined && { innocent: innocent.split(', ') }),
});

/**
 * The phrases of obscenity's English dataset that are used as they are. Its others look for letters inside any word
 * ("dick" in Dickinson, "dyke", "kanal", "orgy" in Georgy) and are written anew below, or left out.
 */
export const LIBRARY_TERMS: Readonly<Record<string, Judgement>> = {
  africoon: { label: 'hate', severity: SLUR },
  arabush: { label: 'hate', severity: SLUR },
  boonga: { label: 'hate', severity: SLUR },
  chingchong: { label: 'hate', severity: 0.85 },
  bestiality: { label: 'sexual', severity: 0.85 },
  blowjob: { label: 'sexual', severity: EXPLICIT },
  deepthroat: { label: 'sexual', severity: EXPLICIT },
  dildo: { label: 'sexual', severity: STRONG },
  doggystyle: { label: 'sexual', severity: STRONG },
  'double penetration': { label: 'sexual', severity: EXPLICIT },
  ejaculate: { label: 'sexual', severity: STRONG },
  felch: { label: 'sexual', severity: EXPLICIT },
  fellatio: { label: 'sexual', severity: EXPLICIT },
  'finger bang': { label: 'sexual', severity: EXPLICIT },
  gangbang: { label: 'sexual', severity: EXPLICIT },
  handjob: { label: 'sexual', severity: EXPLICIT },
  hentai: { label: 'sexual', severity: STRONG },
  incest: { label: 'sexual', severity: STRONG },
  'jerk off': { label: 'sexual', severity: STRONG },
  lubejob: { label: 'sexual', severity: EXPLICIT },
  masturbate: { label: 'sexual', severity: STRONG },
  bastard: { label: 'profanity', severity: MILD },
  bollocks: { label: 'profanity', severity: MILD },
  piss: { label: 'profanity', severity: MILD },
  whore: { label: 'profanity', severity: STRONG },
};

/** Harmless text that contains what the library's phrases look for. */
export const LIBRARY_INNOCENT: readonly string[] = ['pissaladier', 'pissarro', 'pissarides', 'pissos', 'boongar'];

const PROFANITY: readonly Term[] = [
  term(
    'profanity',
    STRONG,
    'fuck',
    'fuck, |fuk|, |fuks|, |fuking|, |fuker, |fukin|, |fvck, |phuck, |phuk|, |phuking|, |fcking|, |fcuk, ' +
      '|f uck, |fu ck, |fuc k|, |f ck|, f*ck, fu*k, |fuc*, |f**k|, |f**king|, |f**ked|, |f** , ' +
      '|stfu|, |gtfo|, |fuckoff, |mofo|',
  ),
  term(
    'profanity',
    0.5,
    'shit',
    // No prefix: Japanese has a thousand words that begin like this.
    '|shit|, |shits|, |shitty|, |shittier|, |shittiest|, |shitting|, |shitter|, |shithead, |shithole, |shitface, |shitbag, ' +
      '|shitlord, |shitload, |shitpost, |shitstorm, |shitshow, |shitstain, |shitfuck, bullshit, horseshit, dogshit, ' +
      'batshit, apeshit, dipshit, chickenshit, holyshit, |eatshit|, |dumbshit, |sh it|, |sh t|, |sh*t, |s**t|, |shyt|, |sht|',
  ),
  term(
    'profanity',
    STRONG,
    'cunt',
    '|cunt|, |cunts|, |cunty|, |cuntface, dumbcunt, |cvnt, |c unt|, |cu nt|, |cun t|, |c*nt, |cu*t|, |c**t|',
  ),
  term(
    'profanity',
    0.5,
    'bitch',
    'bitch, |biatch, |biotch, |beotch, |bytch, |beyotch, |b*tch, |bi*ch, |b**ch, |b tch, |b itch|, |btch, ' +
      '|bit ch|',
    'bitchar, bitchannel, bitcheck, bitchunk',
  ),
  term(
    'profanity',
    STRONG,
    'asshole',
    '|asshole, |ashole|, |assholes, |arsehole, |asswipe, |asshat, |asslick, |assface, |assclown, |fatass, |dumbass, ' +
      '|ass hole, |a**hole, |as*hole, |a*shole',
  ),
  term('profanity', MILD, 'ass', '|ass|, |badass|, |bigass|, |lazyass|, |arse|, |arses|', 'wild ass, pack ass, 45s'),
  term(
    'profanity',
    STRONG,
    'dickhead',
    '|dickhead, |dickface, |dickwad, |dickweed, |dick head, |dickbag, |cockhead, |knobhead|, |prickhead',
  ),
  term('profanity', MILD, 'prick', '|you prick|, |such a prick|, |what a prick|, |prickface'),
  term('profanity', COARSE, 'twat', '|twat|, |twats|, |tw*t|', 'twatt'),
  term('profanity', COARSE, 'wank', '|wank|, |wanks|, |wanked|, |wanker, |wanking|, |w*nk'),
  term('profanity', MILD, 'turd', '|turd|, |turds|'),
  term('profanity', MILD, 'douchebag', '|douchebag, |douche bag, |tosser|, |bellend|'),
  term('profanity', MILD, 'cuck', '|cuck|, |cucks|, |cuckold, |cucked|'),
  term(
    'profanity',
    STRONG,
    'foreign obscenity',
    '|hurensohn, |arschloch, |fotze|, |wichser|, |fick dich|, |hijo de puta|, |hija de puta|, |puta madre|, |pendejo|, ' +
      '|encule|, |connard|, |connasse|, |salope|, |nique ta mere|, |filho da puta|, |vaffanculo|, |stronzo|, |kurwa|, ' +
      'cyka blyat, suka blyat, |orospu cocugu|',
  ),
];

const SEXUAL: readonly Term[] = [
  term(
    'sexual',
    COARSE,
    'dick',
    '|dick|, |dicks|, |dck|, |bigdick|, |di*k|, |d*ck|, |d**k|',
    'moby dick, van dyke, dick van, dick cheney, dick clark, dick tracy, dick turpin, dick grayson, dick and jane, k dick, ' +
      'dick francis, dick whittington, spotted dick, tom dick, dick s sporting, dick smith, dick butkus, dick button, ' +
      'zu dick, sehr dick, nicht dick, dick und, dick aufgetragen',
  ),
  term(
    'sexual',
    EXPLICIT,
    'dick pic',
    '|dick pic, |dickpic, |suck my dick, |suck my cock, |suck a dick, |ride my dick',
  ),
  term(
    'sexual',
    COARSE,
    'cock',
    '|cock|, |cocks|, |bigcock, |c*ck|, |co*k|',
    'cock a doodle, cock a leekie, cock and bull, weather cock, black cock, turkey cock, cock robin, cock of the, stop cock, ' +
      'heath cock, cocks comb, fighting cock, ball cock',
  ),
  term('sexual', STRONG, 'cocksucker', '|cocksuck, |cock suck, |cocklick'),
  term(
    'sexual',
    // Romanian for "how".
    FAINT,
    'cum',
    '|cum|, |cums|',
    'cum laude, cum hardy, cum grano, cum dividend, cum div, cum rights, cum on feel, cum sancto, cum spiritu, vade me cum',
  ),
  term(
    'sexual',
    EXPLICIT,
    'cumshot',
    '|cumshot, |cum shot, |cumslut, |cumdump, |cum dump, |cumbucket, |make me cum, |cum on my',
  ),
  term(
    'sexual',
    STRONG,
    'pussy',
    '|pussy|, |pussies|, |pusy|, |pussys|, |pus*y|, |p*ssy, |p**sy|, |wetpussy',
    'pussy willow, pussy cat, pussy riot, pussy foot, pussy galore',
  ),
  term(
    'sexual',
    MILD,
    'tits',
    '|tits|, |titty|, |titties|, |bigtits, |t*ts|',
    'great tits, blue tits, coal tits, willow tits, marsh tits, crested tits, bearded tits, tailed tits, penduline tits',
  ),
  term('sexual', MILD, 'boobs', '|boob|, |boobs|, |boobies|, |bigboobs|, |b**bs|', 'footed boob, boob tube'),
  term('sexual', MILD, 'penis', '|penis|, |penises|, |pen*s|, |p*nis|, |pnis|'),
  term('sexual', MILD, 'anus', '|anus|'),
  term('sexual', MILD, 'semen', '|semen|'),
  term('sexual', MILD, 'vagina', '|vagina|, |vaginas|, |v*gina'),
  term(
    'sexual',
    STRONG,
    'jerk off',
    '|jerk off|, |jerks off|, |jerking off|, |jerked off|, |finger bang, |finger fuck',
  ),
  term('sexual', STRONG, 'jizz', '|jizz|, |jizzed|, |jizzing|, |buttplug, |butt plug'),
  term(
    'sexual',
    COARSE,
    'anal',
    '|anal|, |an*l|',
    'anal fin, anal gland, anal retentive, anal canal, anal cancer, anal sac, anal fissure, annal',
  ),
  term('sexual', EXPLICIT, 'anal sex', '|anal sex|, |analsex, |anal fuck, |buttsex|, |butt sex|, |buttfuck'),
  term(
    'sexual',
    FAINT,
    'sex',
    '|sex|, |secks|, |s*x|',
    'same sex, opposite sex, sex education, sex ratio, sex chromosome, sex and the city, sex pistols, either sex, both sexes, ' +
      'sex determination, fair sex, single sex, sex discrimination, sex linked',
  ),
  term(
    'sexual',
    0.5,
    'porn',
    '|porn|, |porns|, |porno|, |pornos|, |pornhub, |pornstar, |pornog, |p*rn|, |p**n|, |xvideos|, |xhamster|',
    'food porn',
  ),
  term(
    'sexual',
    STRONG,
    'nudes',
    '|send nudes, |sell nudes, |selling nudes, |free nudes, |my nudes, |ur nudes, |your nudes',
  ),
  term('sexual', 0.5, 'slut', '|slut|, |sluts|, |slutty|, |sl*t|', 'till slut, ar slut, slut pa, tar slut, slut med'),
  term('sexual', 0.5, 'orgasm', '|orgasm'),
  term('sexual', 0.5, 'orgy', '|orgy|, |orgies|'),
  term(
    'sexual',
    EXPLICIT,
    'fisting',
    '|fisting|, |rimjob, |rim job, |footjob|, |bukake|, |bukkake|, |creampie|, |cameltoe|',
  ),
  term('sexual', COARSE, 'milf', '|milf|, |milfs|, |threesome|, |gilf|'),
  term(
    'sexual',
    STRONG,
    'sex talk',
    '|wanna fuck, |want to fuck, |horny and, |i m horny, |so horny, |sex chat, |sexchat, |have sex with me',
  ),
  term(
    'sexual',
    ABUSE,
    'child sexual abuse',
    '|child porn, |childporn, |kiddie porn, |kiddy porn, |kid porn, |underage porn, |underage sex, |sex with child, ' +
      '|sex with kids, |sex with minors, |lolicon, |jailbait, |preteen porn, |pedo porn, |pthc|',
  ),
];

const HATE: readonly Term[] = [
  term(
    'hate',
    SLUR,
    'nigger',
    '|nigger, |nigga|, |niggas|, |niggaz|, |nigs|, |ngger|, |ngga|, |niglet, |sandnig, |dumbnig, |n igger, |ni gger, ' +
      '|nig ger|, |nigg er|, |n*gger, |n*gga, |ni**er, |nig**r, |n**ger, |n**er',
  ),
  term(
    'hate',
    SLUR,
    'faggot',
    '|faggot, |fagget, |fggot, |fagg ot, |fa ggot, |f*ggot, |f*gg*t, |fa**ot',
    'faggots and, faggots in, faggots with, faggoting',
  ),
  // A school subject to Norwegians and Danes, a cigarette to the British.
  term('hate', 0.55, 'fag', '|fag|, |fags|, |fagz|, |f*g|', 'fag end, fag packet, fag break, fags and'),
  // Also a Spanish nickname.
  term('hate', 0.7, 'kike', '|kike|, |kikes|, |k*ke|', 'kike hernandez'),
  term('hate', SLUR, 'spic', '|spic|, |spics|, |spick|', 'spic and span, spick and span'),
  term('hate', SLUR, 'chink', '|chink|, |chinks|, |ch*nk|', 'chink in, chinks in, chink of light, chinks of'),
  term('hate', SLUR, 'gook', '|gook|, |gooks|, |zipperhead, |slanteye', 'gobbledy gook, gobbeldy gook'),
  term('hate', SLUR, 'paki', '|paki|, |pakis|'),
  term('hate', SLUR, 'raghead', '|raghead, |towelhead, |cameljockey, |camel jockey, |sandmonkey'),
  term('hate', SLUR, 'wetback', '|wetback, |beaners|, |beaner|'),
  term(
    'hate',
    SLUR,
    'jigaboo',
    '|jigaboo, |porch monkey, |porchmonkey, |junglebunny, |jungle bunny, |golliwog, |darkies|',
  ),
  term('hate', SLUR, 'kaffir', '|kaffir|, |kaffirs|', 'kaffir lime, kaffir lily, kaffir corn'),
  term('hate', 0.8, 'wog', '|wog|, |wogs|, |dagos|, |chinaman|, |ching chong'),
  term('hate', 0.8, 'tranny', '|tranny|, |trannies|, |trannys|, |shemale', 'tranny fluid'),
  term('hate', 0.8, 'bulldyke', '|bulldyke, |bull dyke'),
  term(
    'hate',
    0.55,
    'retard',
    '|retard|, |retards|, |retarded|, |libtard, |fucktard, |r*tard, |ret*rd, |re*ard',
    'en retard, de retard, du retard, le retard, un retard, ce retard, sans retard, au retard, retard de, flame retard, ' +
      'fire retard, spark retard, timing retard',
  ),
  term(
    'hate',
    COARSE,
    'spastic',
    '|spastic|, |spastics|, |spaz|, |mongoloid|',
    'spastic colon, spastic paralysis, spastic cerebral',
  ),
  term(
    'hate',
    SLUR,
    'incitement to hatred',
    '|heil hitler, |sieg heil, |hitler was right, |gas the jews, |gas all jews, |white power|, |white genocide, ' +
      '|death to jews, |death to all jews, |death to muslims, |death to all muslims, |death to gays, |death to blacks, ' +
      '|kill all jews, |kill all muslims, |kill all gays, |kill all blacks, |kill all whites, |kill all women, ' +
      '|kill the jews, |kill the gays, |untermensch',
    'white power cable, white power cord, white power adapter, white power supply, white power bank, white power button',
  ),
];

const VIOLENCE: readonly Term[] = [
  term(
    'violence',
    THREAT,
    'death threat',
    '|i will kill you, |i ll kill you, |ill kill you|, |i am going to kill you, |i m going to kill you, |i m gonna kill you, |im gonna kill you, ' +
      '|want to kill you|, |will kill your family, |kill your family, |kill your kids, |i will murder you, |i ll murder you, ' +
      '|i m gonna murder you, |i will shoot you, |i ll shoot you, |i m gonna shoot you, |i will stab you, |i ll stab you, ' +
      '|i m gonna stab you, |slit your throat, |cut your throat, |slit ur throat, |beat you to death, |burn you alive, ' +
      '|bullet in your head, |i hope you die, |hope u die|, |you deserve to die, |u deserve to die, |behead you, |skin you alive',
  ),
  term(
    'violence',
    THREAT,
    'threat of an attack',
    '|shoot up the school, |shoot up a school, |shoot up my school, |shoot up your school, |shoot up this school, ' +
      '|bomb the school, |bomb your house, |blow up the school, |blow up your house, |burn your house down',
  ),
  term(
    'violence',
    THREAT,
    'threat of rape',
    '|rape you, |rape her, |rape him, |rape your, |gonna rape, |will rape, |get raped|',
  ),
  term(
    'violence',
    STRONG,
    'rape',
    '|rape|, |raped|, |rapes|, |raping|, |rapist, |r*pe|',
    'rape seed, oilseed rape, rape oil, rape field, rappe, rapped, rapping, rappes',
  ),
];

const SELF_HARM: readonly Term[] = [
  term(
    'self-harm',
    THREAT,
    'kill yourself',
    '|kill yourself, |killyourself, |kill your self, |kill urself, |killurself, |kill ur self, |kil yourself, |kil urself, ' +
      '|kys|, |hang yourself, |hang urself, |neck yourself, |unalive yourself, |shoot yourself in the head, |just go die|, |go and die|, |go die in a, ' +
      '|slit your wrists, |slit ur wrists, |should end your life, |go end your life, |end ur life, |drink bleach, |go jump off a bridge, |go hang yourself',
    'don t kill yourself, dont kill yourself, not kill yourself, never kill yourself, ' +
      'don t drink bleach, not drink bleach, never drink bleach, et kys, kys og, og kys, kys mig, kys til, kyss',
  ),
  term(
    'self-harm',
    EXPLICIT,
    'wish to die',
    '|kill myself|, |end my life|, |i want to die|, |i wanna die|, |take my own life|, |want to end it all|, |suicide note|, ' +
      '|i want to commit suicide, |commit suicide tonight, |slit my wrists, |hang myself|',
    'kill myself laughing',
  ),
];

const SPAM: readonly Term[] = [
  term(
    'spam',
    STRONG,
    'spam offer',
    '|buy followers, |buy cheap followers, |free followers, |free robux, |free vbucks, |free v bucks, |get rich quick, ' +
      '|earn money fast, |work from home and earn, |double your bitcoin, |double your crypto, |click here to claim, ' +
      '|claim your prize, |you have won a free, |you ve won a free, |cheap viagra, |buy viagra, |viagra online, |casino bonus, |guaranteed profit, ' +
      '|whatsapp me to invest, |dm me to invest, |dm me to earn',
  ),
];

/** Our own terms. A word has one entry; where it is worse in company ("rape you") the company has one of its own. */
export const OWN_TERMS: readonly Term[] = [...PROFANITY, ...SEXUAL, ...HATE, ...VIOLENCE, ...SELF_HARM, ...SPAM];

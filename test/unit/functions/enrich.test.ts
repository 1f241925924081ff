import { describe, expect, test } from '@jest/globals';
import { type Enrich, enrichOffline } from '../../../functions/src/content/enrich.ts';

const about = async (input: Partial<Parameters<Enrich>[0]>) =>
  enrichOffline({
    title: '',
    caption: '',
    tags: [],
    width: 1600,
    height: 1200,
    dominantColor: '#3060c0',
    sharpness: 0.5,
    ...input,
  });

describe('the tags', () => {
  test('are the hashtags of title and caption, in lower case, each once', async () => {
    const { tags } = await about({ title: '#Alps', caption: '#ALPS and #夜景, #été' });
    expect(tags).toEqual(['alps', '夜景', 'été']);
  });

  test('leave out what the author gave as a tag already', async () => {
    expect((await about({ tags: ['Alps'], caption: '#alps #snow' })).tags).toEqual(['snow']);
  });

  test.each(['C#5', '#1', 'https://x.test/#part', '&#39;', '#'])('do not take %s for a hashtag', async (caption) => {
    expect((await about({ caption })).tags).toEqual([]);
  });

  test('are the words of the title, and names and repeated words of the caption', async () => {
    const { tags } = await about({ title: 'Sunset', caption: 'We were near Montreux. Swans there, and more swans.' });
    expect(tags).toEqual(['swans', 'sunset', 'montreux']);
  });

  test('are not words that say nothing, mentions or addresses', async () => {
    const { tags } = await about({ title: 'This with that from @Somebody', caption: 'About www.Example.test' });
    expect(tags).toEqual([]);
  });

  test('are ten at the most, the hashtags first', async () => {
    const hashtags = Array.from({ length: 9 }, (_, at) => `#tag${at}`);
    const { tags } = await about({ title: 'Mountains rivers valleys', caption: hashtags.join(' ') });
    expect(tags).toHaveLength(10);
    expect(tags.slice(8)).toEqual(['tag8', 'mountains']);
  });
});

describe('the language', () => {
  test.each([
    ['en', 'A quiet evening by the lake with friends'],
    ['de', 'Ein ruhiger Abend am See mit guten Freunden'],
    ['fr', 'Un soir tranquille au bord du lac'],
    ['ja', '湖のほとりの静かな夜'],
  ])('is %s for "%s"', async (language, caption) => {
    expect((await about({ caption })).language).toBe(language);
  });

  test.each(['', 'Sunset', 'lol', '1234567890 1234567890 1234567890', '#ein #langes #wort #nach #dem #anderen'])(
    'is left open for "%s"',
    async (caption) => {
      expect(await about({ caption })).not.toHaveProperty('language');
    },
  );
});

describe('the colour', () => {
  test.each([
    ['#000000', 'black'],
    ['#fafafa', 'white'],
    ['#808080', 'gray'],
    ['#d01010', 'red'],
    ['#ffc0cb', 'pink'],
    ['#ffa500', 'orange'],
    ['#8b4513', 'brown'],
    ['#f0e020', 'yellow'],
    ['#208030', 'green'],
    ['#20c0c0', 'cyan'],
    ['#3060c0', 'blue'],
    ['#702090', 'purple'],
  ])('%s is called %s', async (dominantColor, name) => {
    expect((await about({ dominantColor })).colors).toEqual([name]);
  });
});

describe('the quality', () => {
  test.each([
    ['high', { width: 4000, height: 3000, sharpness: 0.6 }],
    ['medium', { width: 1280, height: 720, sharpness: 0.6 }],
    ['medium', { width: 4000, height: 3000, sharpness: 0.2 }],
    ['low', { width: 4000, height: 3000, sharpness: 0.05 }],
    ['low', { width: 4000, height: 200, sharpness: 0.9 }],
  ] as const)('is %s for %p', async (quality, input) => {
    expect((await about(input)).quality).toBe(quality);
  });
});

test('an enrichment is the same for the same input, and bounded for the longest', async () => {
  const caption = 'Wälder #wald 夜景 '.repeat(150).slice(0, 2200);
  const [one, two] = await Promise.all([about({ caption }), about({ caption })]);
  expect(one).toEqual(two);
  expect(one.tags.length).toBeLessThanOrEqual(10);
});

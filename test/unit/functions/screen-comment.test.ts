import { describe, expect, test } from '@jest/globals';
import { type ModerationSubject, moderationSubjectAt } from '@playnite/contracts/documents';
import { screenComment } from '../../../functions/src/moderation/screen-comment.ts';
import type { Documents, Transaction } from '../../../functions/src/platform/documents.ts';
import type { OutgoingEvent } from '../../../functions/src/platform/publisher.ts';
import { hashOfText } from '../../../functions/src/platform/hash-of-text.ts';

const SUBJECT = 'content/photo/comments/c';
const stamp = { toMillis: () => 0, toDate: () => new Date(0) };

/** One comment, how it stands, and what screening makes of it. */
async function screened(
  text: string,
  fields: { screened?: string; standing?: ModerationSubject['standing']; asked?: string } = {},
) {
  const published: OutgoingEvent[] = [];
  const written: string[] = [];
  const rows = new Map<string, unknown>([
    [SUBJECT, { authorId: 'bob', text, createdAt: stamp, screened: fields.screened }],
    ...(fields.standing
      ? [[moderationSubjectAt(SUBJECT).path, { standing: fields.standing, seq: 1, head: '' }] as const]
      : []),
  ]);
  const note = ({ path }: { path: string }) => void written.push(path.split('/')[0] ?? '');
  const tx = {
    get: ({ path }: { path: string }) => Promise.resolve(rows.get(path)),
    set: note,
    create: note,
  } as unknown as Transaction;
  const documents = {
    get: () => Promise.resolve(undefined),
    transact: (work: (tx: Transaction) => Promise<unknown>) => work(tx),
  } as unknown as Documents;
  const publish = (events: readonly OutgoingEvent[]) => Promise.resolve(void published.push(...events));
  const textHash = hashOfText(fields.asked ?? text);
  await screenComment({ documents, publish, now: () => new Date(0) }, { contentId: 'photo', commentId: 'c', textHash });
  const verdicts = published.map(({ envelope }) => (envelope.data as { verdict: string }).verdict);
  return { verdicts, written: [...new Set(written)].toSorted() };
}

describe('screenComment', () => {
  test('lets clean words pass, and writes nothing', async () => {
    expect(await screened('what a lovely picture')).toEqual({ verdicts: ['approved'], written: [] });
  });

  test('holds doubtful words for a person, in one case', async () => {
    expect(await screened('this is fucking great')).toEqual({
      verdicts: ['held'],
      written: ['moderationCases', 'moderationLog', 'moderationSubjects'],
    });
  });

  test('removes by itself what the policy rejects', async () => {
    expect(await screened('you n1gg3r')).toEqual({
      verdicts: ['removed'],
      written: ['moderationLog', 'moderationSubjects'],
    });
  });

  test('does not undo what a person decided, when the news of the words comes again', async () => {
    const text = 'this is fucking great';
    const released = { screened: hashOfText(text), standing: 'clear' } as const;
    expect(await screened(text, released)).toEqual({ verdicts: ['approved'], written: [] });
    expect(await screened(text, { standing: 'held' })).toEqual({ verdicts: ['held'], written: [] });
    expect(await screened('clean by now', { standing: 'removed' })).toEqual({ verdicts: ['removed'], written: [] });
  });

  test('says nothing of words that have been changed since', async () => {
    expect(await screened('new words', { asked: 'old words' })).toEqual({ verdicts: [], written: [] });
  });
});

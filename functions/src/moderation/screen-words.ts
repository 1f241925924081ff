import type { Evidence, Scores } from '@playnite/contracts/documents';
import { screenText } from './screen-text.ts';

/** Scores and evidence of what somebody wrote, in moderation's labels: `text-profanity`, `text-hate` … */
export function screenWords(fields: Readonly<Record<string, string>>): { scores: Scores; evidence: Evidence[] } {
  const { scores, matches } = screenText(fields);
  return {
    scores: Object.fromEntries(
      Object.entries(scores)
        .filter(([, score]) => score > 0)
        .map(([label, score]) => [`text-${label}`, score]),
    ),
    evidence: matches.map(({ field, label, term, start, end }) => ({
      kind: 'text',
      label: `text-${label}`,
      score: scores[label],
      field,
      start,
      end,
      note: term,
    })),
  };
}

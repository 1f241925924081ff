/**
 * Mutants of a rules file: each is the file with one condition left out or turned round, or one `allow` taken away. Rules
 * are good when their tests notice every one of them.
 */
export interface Mutant {
  /** Line of the change, from 1. */
  line: number;
  what: string;
  rules: string;
  /** The collection whose `match` block holds the change; empty for what all share. */
  collection: string;
}

interface Operand {
  from: number;
  to: number;
  /** What it is joined to its neighbours with. */
  joinedBy: '&&' | '||' | 'alone';
}

/** Cuts an expression at its outermost `||` or, where there is none, `&&`; what stands in brackets is cut further. */
function operandsOf(text: string, from: number, to: number, joinedBy: Operand['joinedBy'] = 'alone'): Operand[] {
  let start = from;
  let end = to;
  while (/\s/.test(text[start] ?? '')) start += 1;
  while (/\s/.test(text[end - 1] ?? '')) end -= 1;
  if (text[start] === '(' && closing(text, start) === end - 1) return operandsOf(text, start + 1, end - 1, joinedBy);
  for (const operator of ['||', '&&'] as const) {
    const cuts = outermost(text, start, end, operator);
    if (cuts.length === 0) continue;
    const edges = [start - operator.length, ...cuts, end];
    return edges
      .slice(0, -1)
      .flatMap((edge, index) => operandsOf(text, edge + operator.length, edges[index + 1] ?? end, operator));
  }
  return [{ from: start, to: end, joinedBy }];
}

function* characters(
  text: string,
  from: number,
  to: number,
): Generator<{ at: number; depth: number; inString: boolean }> {
  let depth = 0;
  let inString = false;
  for (let at = from; at < to; at += 1) {
    if (text[at] === "'" && text[at - 1] !== '\\') inString = !inString;
    if (!inString && '([{'.includes(text[at] ?? ' ')) depth += 1;
    yield { at, depth, inString };
    if (!inString && ')]}'.includes(text[at] ?? ' ')) depth -= 1;
  }
}

function closing(text: string, from: number): number {
  for (const { at, depth, inString } of characters(text, from, text.length)) {
    if (!inString && depth === 1 && text[at] === ')') return at;
  }
  return -1;
}

function outermost(text: string, from: number, to: number, operator: string): number[] {
  const found: number[] = [];
  for (const { at, depth, inString } of characters(text, from, to)) {
    if (!inString && depth === 0 && text.startsWith(operator, at)) found.push(at);
  }
  return found;
}

/** Comments blanked out, so that what they say is no code; every place keeps its offset. */
const withoutComments = (rules: string): string => rules.replace(/\/\/.*$/gm, (comment) => ' '.repeat(comment.length));

/** The last collection that a `match` above this place names, as long as its block is open. */
function collectionAt(code: string, place: number): string {
  const open: string[] = [];
  const pattern = /match\s+(\/[^\s]*)\s*\{|function[^{]*\{|service[^{]*\{|\}/g;
  // Braces inside paths and captures are no blocks: they are part of the match above, or never stand alone.
  const blocks = code
    .slice(0, place)
    .replace(/\$\([^)]*\)|\{([A-Za-z]+(=\*\*)?)?\}/g, (text) => '_'.repeat(text.length));
  for (const match of blocks.matchAll(pattern)) {
    if (match[0] === '}') open.pop();
    else open.push(match[1] ?? '');
  }
  const path = open.findLast((each) => each.startsWith('/') && !each.startsWith('/databases')) ?? '';
  return path.split('/')[1] ?? '';
}

/** Every mutant of the rules. */
export function mutantsOf(rules: string): Mutant[] {
  const code = withoutComments(rules);
  const lineAt = (place: number) => rules.slice(0, place).split('\n').length;
  const changed = (from: number, to: number, text: string) => rules.slice(0, from) + text + rules.slice(to);
  const mutants: Mutant[] = [];

  for (const match of code.matchAll(/(?:\bif|\breturn)\b([^;]*);/g)) {
    const from = match.index + match[0].indexOf(match[1] ?? '');
    for (const { from: start, to, joinedBy } of operandsOf(code, from, from + (match[1] ?? '').length)) {
      const operand = code.slice(start, to);
      const shown = operand.replace(/\s+/g, ' ').slice(0, 70);
      const place = { line: lineAt(start), collection: collectionAt(code, start) };
      const isCondition =
        joinedBy !== 'alone' || /[=!<>]=|[<>]|\bin\b|\bis\b|^(isUser|signedIn|mayAct|exists)/.test(operand);
      if (!isCondition || operand === 'true') continue;
      const dropped = joinedBy === '||' ? 'false' : 'true';
      mutants.push({ ...place, what: `${shown} -> ${dropped}`, rules: changed(start, to, dropped) });
      mutants.push({ ...place, what: `not: ${shown}`, rules: changed(start, to, `!(${operand})`) });
    }
  }
  for (const match of code.matchAll(/allow [a-z, ]+:[^;]*;/g)) {
    const place = { line: lineAt(match.index), collection: collectionAt(code, match.index) };
    const shown = match[0].split(':')[0] ?? '';
    mutants.push({
      ...place,
      what: `without: ${shown}`,
      rules: changed(match.index, match.index + match[0].length, ''),
    });
  }
  return mutants;
}

/** How figures of several peers are chosen and put on a line. */
import type { Outcome, Peer } from './words.ts';

/** A receiver this busy may have held the server back. */
const RECEIVER_BUSY_MAX = 0.9;
const LABEL_WIDTH = 68;

const NAMES: Record<Peer, string> = { ours: 'ours', plain: 'loop of ws', 'socket.io': 'Socket.IO', bun: 'Bun' };

/** By peer; those that are not installed are missing. */
export type Outcomes = Map<Peer, Outcome>;

export interface Figure {
  value: number;
  /** Whether the figure is only known not to be lower. */
  isLowerBound?: boolean;
}

export const deliveriesPerSecond = (outcome: Outcome): Figure => ({
  value: (outcome.deliveries * 1_000) / outcome.tookMs,
  isLowerBound: receiverBusy(outcome) > RECEIVER_BUSY_MAX,
});

export const deliveriesPerCpuSecond = ({ deliveries, serverCpuMs }: Outcome): Figure => ({
  value: (deliveries * 1_000) / serverCpuMs,
});

export const cpuMsPerMillion = ({ deliveries, serverCpuMs }: Outcome): Figure => ({
  value: (serverCpuMs * 1_000_000) / deliveries,
});

const serverBusy = ({ serverCpuMs, tookMs }: Outcome) => serverCpuMs / tookMs;
const receiverBusy = ({ receiverCpuMs, tookMs }: Outcome) => receiverCpuMs / tookMs;

/** The outcome in the middle, by a figure. */
export function medianBy(outcomes: readonly Outcome[], figure: (outcome: Outcome) => number): Outcome | undefined {
  return outcomes.toSorted((one, other) => figure(one) - figure(other))[Math.floor(outcomes.length / 2)];
}

const whole = (value: number) => Math.round(value).toLocaleString('en');

/** Each peer's figure, and behind it ours as a multiple of it. */
export function figuresLine(
  label: string,
  outcomes: Outcomes,
  figureOf: (outcome: Outcome) => Figure,
  format: (value: number) => string = whole,
): string {
  const own = outcomes.get('ours');
  const ours = own && figureOf(own);
  const columns = [...outcomes].map(([peer, outcome]) => {
    const figure = figureOf(outcome);
    const text = `${NAMES[peer]} ${figure.isLowerBound ? '≥ ' : ''}${format(figure.value)}`;
    if (peer === 'ours' || !ours) return text;
    return `${text} (${boundOf(ours, figure)}${(ours.value / figure.value).toFixed(2)}x)`;
  });
  return line(label, columns);
}

/** What the bounds of two figures say of the first divided by the second. */
function boundOf(first: Figure, second: Figure): string {
  if (first.isLowerBound && second.isLowerBound) return '~ ';
  if (first.isLowerBound) return '≥ ';
  return second.isLowerBound ? '≤ ' : '';
}

/** How much of their cores server and receivers used. */
export const busyLine = (outcomes: Outcomes): string =>
  line(
    '  processor time of server and receivers, %',
    [...outcomes].map(
      ([peer, outcome]) =>
        `${NAMES[peer]} ${whole(serverBusy(outcome) * 100)} and ${whole(receiverBusy(outcome) * 100)}`,
    ),
  );

/** Delays of the peers that keep up with the rate, behind each ours as a multiple; the others are said not to. */
export function delaysLine(label: string, outcomes: Outcomes, achievedOf: (outcome: Outcome) => number): string {
  const ours = outcomes.get('ours');
  const columns = [...outcomes].map(([peer, outcome]) => {
    const achieved = achievedOf(outcome);
    if (achieved < SUSTAINED) return `${NAMES[peer]} does not keep up (${whole(achieved * 100)} %)`;
    const text = `${NAMES[peer]} ${outcome.p50Ms.toFixed(2)} / ${outcome.p99Ms.toFixed(2)}`;
    if (peer === 'ours' || !ours) return text;
    return `${text} (${(ours.p50Ms / outcome.p50Ms).toFixed(2)}x / ${(ours.p99Ms / outcome.p99Ms).toFixed(2)}x)`;
  });
  return line(label, columns);
}

/** The share of a rate at which a peer counts as keeping up with it. */
const SUSTAINED = 0.98;

const line = (label: string, columns: string[]) => `  ${label.padEnd(LABEL_WIDTH)}${columns.join(' | ')}`;

/**
 * The live stream's server on loopback, and beside it what it could have been: a loop over `send` of `ws`, which is what
 * it is built on, Socket.IO, and Bun's native server. A server has one core to itself and its receivers the other.
 * Receivers are bare sockets that count, and grant the server so many publications more as they have taken in: each server
 * is measured with every publication delivered, none with a growing queue; a delivery that is lost or comes twice ends
 * the bench. Peers take turns, and a figure is the median of its rounds. Where receivers are what limits, the figure says ≥.
 * Other work on the machine takes time from both processes; what a server delivers for a second of its own processor
 * time is the firmer figure.
 *
 * `npm run bench realtime -- memory` measures one scenario; its names are those of SCENARIOS. The soak takes ten minutes, and
 * runs only when it is named.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  type Outcomes,
  busyLine,
  cpuMsPerMillion,
  delaysLine,
  deliveriesPerCpuSecond,
  deliveriesPerSecond,
  figuresLine,
  medianBy,
} from './realtime/figures.ts';
import { Pair } from './realtime/pair.ts';
import { BROADCAST, type Layout, type Outcome, PEERS, type Peer, type Task } from './realtime/words.ts';

const ROUNDS = 3;
const MEASURED_MS = 1_000;
const WARM_UP_MS = 1_000;
const WARM_UP_BURST = 10;

/** Publications that may be on their way at once, and after how many the receivers grant more. */
const WINDOW = 200;
const GRANT_EVERY = 20;
/** Publications that come within one turn of the server's event loop; the last is as many as there may be. */
const BURSTS = [1, 10, 100, WINDOW];
const BROADCAST_SUBSCRIBERS = 1_000;
const BROADCAST_SUBSCRIBERS_MANY = 5_000;
/** Reading in full takes the receiver far longer than counting. */
const SATURATION_SAMPLE_EVERY = 250;

const PACED_SUBSCRIBERS = 1_000;
const PACED_RATES = [10_000, 50_000, 100_000, 150_000];
/** And to many: a publication takes five times as long to go out. */
const PACED_SUBSCRIBERS_MANY = 5_000;
const PACED_RATE_MANY = 40_000;
const PACED_MS = 1_500;
/** The rate at which processor time is compared. */
const COST_RATE = 50_000;
const DELAY_SAMPLE_EVERY = 10;

const RANDOM: Layout = { feed: false, channels: 1_000, feedEvery: 1 };
const RANDOM_SUBSCRIBERS = 2_000;
/** Two publications to a channel may be on their way, as a mean, or twenty: what is gathered for a socket depends on it. */
const FEW_IN_FLIGHT = 2_000;
/** And on how many come within one turn: of so many, two are rarely for the same channel, but for the last. */
const RANDOM_BURSTS = [1, 10, 100, FEW_IN_FLIGHT];
const MANY_IN_FLIGHT = 20_000;
const RANDOM_GRANT_EVERY = 200;

const HELD_CONNECTIONS = 10_000;
const HELD_EVENTS_PER_SECOND = 200;
/** Two hundred events a second to channels of ten, and one to all. */
const HELD: Layout = { feed: true, channels: 1_000, feedEvery: HELD_EVENTS_PER_SECOND + 1 };
const HELD_MS = 10_000;
/** Connections that come and go first, so that what a server loads once is not counted to those that are measured. */
const MEMORY_WARM_UP_CONNECTIONS = 100;
const KILOBYTE = 1_000;
const MEGABYTE = 1_000_000;

/** Half of what the server delivers at saturation, for so long; all receivers leave and come again with each round. */
const SOAK_MINUTES = 10;
const SOAK_LOAD = 1 / 2;
const SOAK_ROUND_MS = 20_000;
/** Until then histories fill, and code is compiled for the last time. */
const SOAK_WARM_UP_MINUTES = 2;

const SCENARIOS: Record<string, () => Promise<string[]>> = {
  broadcast: async () => [
    ...(await saturation(BROADCAST, BROADCAST_SUBSCRIBERS, BURSTS)),
    ...(await saturation(BROADCAST, BROADCAST_SUBSCRIBERS_MANY, [WINDOW])),
  ],
  paced: async () => [
    ...(await paced(PACED_SUBSCRIBERS, PACED_RATES)),
    ...(await paced(PACED_SUBSCRIBERS_MANY, [PACED_RATE_MANY])),
  ],
  random: async () => [
    ...(await saturation(RANDOM, RANDOM_SUBSCRIBERS, RANDOM_BURSTS, FEW_IN_FLIGHT, RANDOM_GRANT_EVERY)),
    ...(await saturation(RANDOM, RANDOM_SUBSCRIBERS, [MANY_IN_FLIGHT], MANY_IN_FLIGHT, RANDOM_GRANT_EVERY)),
  ],
  memory,
  held,
  soak,
};
const ONLY_WHEN_NAMED = new Set(['soak']);

/** Prints the lines of each scenario as it ends, those that are named on the command line or all. */
export async function benchRealtime(): Promise<string[]> {
  console.log('  (in brackets, ours as a multiple)');
  const wanted = process.argv.slice(2).filter((name) => name in SCENARIOS);
  if (!PEERS_HERE.includes('bun')) console.log('  (Bun is not installed here, and left out)');
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 ? !wanted.includes(name) : ONLY_WHEN_NAMED.has(name)) continue;
    console.log((await scenario()).join('\n'));
  }
  return [];
}

/** Bun is installed where its package for this platform is the one that package.json names. */
const PEERS_HERE = PEERS.filter((peer) => peer !== 'bun' || isBunInstalled());

function isBunInstalled(): boolean {
  try {
    return existsSync(createRequire(import.meta.url).resolve('@oven/bun-linux-x64/package.json'));
  } catch {
    return false;
  }
}

/** Several peers, ready and warm; the disposal of `stack` ends them. */
async function open(
  stack: AsyncDisposableStack,
  spec: { layout: Layout; sampleEvery: number; subscribers: number; warmUp: Task },
): Promise<Map<Peer, Pair>> {
  const pairs = new Map<Peer, Pair>();
  for (const peer of PEERS_HERE) {
    const { layout, sampleEvery } = spec;
    const pair = stack.use(await Pair.open({ peer, layout, sampleEvery }, spec.subscribers));
    await pair.run(spec.warmUp);
    pairs.set(peer, pair);
  }
  return pairs;
}

/** The rounds of a task, the peers taking turns; of each peer the outcome in the middle. */
async function rounds(pairs: Map<Peer, Pair>, task: Task, by: (outcome: Outcome) => number): Promise<Outcomes> {
  const all = new Map<Peer, Outcome[]>();
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [peer, pair] of pairs) all.set(peer, [...(all.get(peer) ?? []), await pair.run(task)]);
  const medians: Outcomes = new Map();
  for (const [peer, outcomes] of all) {
    const median = medianBy(outcomes, by);
    if (median) medians.set(peer, median);
  }
  return medians;
}

async function saturation(
  layout: Layout,
  subscribers: number,
  bursts: readonly number[],
  window = WINDOW,
  grantEvery = GRANT_EVERY,
): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const taskOf = (burst: number, measuredMs: number) =>
    ({ do: 'saturate', burst, window, grantEvery, measuredMs }) as const;
  const pairs = await open(stack, {
    layout,
    subscribers,
    sampleEvery: SATURATION_SAMPLE_EVERY,
    warmUp: taskOf(WARM_UP_BURST, WARM_UP_MS),
  });
  const lines: string[] = [];
  for (const burst of bursts) {
    const outcomes = await rounds(pairs, taskOf(burst, MEASURED_MS), (outcome) => deliveriesPerSecond(outcome).value);
    const who = `${subscribers.toLocaleString('en')} on ${layout.channels > 0 ? `${layout.channels.toLocaleString('en')} channels` : 'one channel'}`;
    lines.push(
      figuresLine(`${who}, ${burst} a turn: deliveries a second`, outcomes, deliveriesPerSecond),
      figuresLine('  a second of processor time', outcomes, deliveriesPerCpuSecond),
      busyLine(outcomes),
    );
  }
  return lines;
}

async function paced(subscribers: number, rates: readonly number[]): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const taskOf = (rate: number) => ({ do: 'pace', perSecond: rate / subscribers, measuredMs: PACED_MS }) as const;
  const pairs = await open(stack, {
    layout: BROADCAST,
    subscribers,
    sampleEvery: DELAY_SAMPLE_EVERY,
    warmUp: taskOf(COST_RATE),
  });
  const lines: string[] = [];
  for (const rate of rates) {
    const outcomes = await rounds(pairs, taskOf(rate), ({ p99Ms }) => p99Ms);
    const label = `${subscribers.toLocaleString('en')}, ${rate.toLocaleString('en')} deliveries a second`;
    // The last publication has the time until the next would be due.
    const achievedOf = ({ deliveries, tookMs }: Outcome) =>
      (deliveries * 1_000) / (tookMs - (subscribers * 1_000) / rate) / rate;
    lines.push(delaysLine(`${label}: p50 / p99 to deliver, ms`, outcomes, achievedOf));
    if (rate === COST_RATE) lines.push(figuresLine(`${label}: processor ms for a million`, outcomes, cpuMsPerMillion));
  }
  return lines;
}

/** Garbage is collected before the connections come, and again once they are there. */
async function memory(): Promise<string[]> {
  const outcomes: { asItStands: Outcomes; collected: Outcomes } = { asItStands: new Map(), collected: new Map() };
  for (const peer of PEERS_HERE) {
    await using pair = await Pair.open({ peer, layout: HELD, sampleEvery: HELD_CONNECTIONS }, 0);
    await pair.run({ do: 'connect', subscribers: MEMORY_WARM_UP_CONNECTIONS });
    await pair.run({ do: 'leave' });
    const { rssBytes: before } = await pair.run({ do: 'memory', collect: true });
    await pair.run({ do: 'connect', subscribers: HELD_CONNECTIONS });
    for (const kind of ['asItStands', 'collected'] as const) {
      const after = await pair.run({ do: 'memory', collect: kind === 'collected' });
      outcomes[kind].set(peer, { ...after, rssBytes: after.rssBytes - before });
    }
  }
  const kilobytesEach = ({ rssBytes }: Outcome) => ({ value: rssBytes / HELD_CONNECTIONS / KILOBYTE });
  const label = `${HELD_CONNECTIONS.toLocaleString('en')} idle, 3 subscriptions: KB of RSS each`;
  const lineOf = (what: string, kind: keyof typeof outcomes) =>
    figuresLine(what, outcomes[kind], kilobytesEach, (value) => value.toFixed(1));
  return [
    lineOf(`${label}, after a GC`, 'collected'),
    lineOf('  as it stands when the last has connected', 'asItStands'),
  ];
}

async function held(): Promise<string[]> {
  await using pair = await Pair.open({ peer: 'ours', layout: HELD, sampleEvery: 1 }, HELD_CONNECTIONS);
  const perSecond = HELD_EVENTS_PER_SECOND + 1;
  const outcomes: Outcomes = new Map([['ours', await pair.run({ do: 'pace', perSecond, measuredMs: HELD_MS })]]);
  const label = `${HELD_CONNECTIONS.toLocaleString('en')} held, ${HELD_EVENTS_PER_SECOND} events/s and one to all`;
  const achievedOf = ({ published, tookMs }: Outcome) => (published * 1_000) / tookMs / perSecond;
  return [delaysLine(`${label}: p50 / p99, ms`, outcomes, achievedOf), busyLine(outcomes)];
}

/** A rejection that nobody handles, or a delivery that is lost or comes twice, ends it. */
async function soak(): Promise<string[]> {
  await using pair = await Pair.open(
    { peer: 'ours', layout: RANDOM, sampleEvery: RANDOM_SUBSCRIBERS },
    RANDOM_SUBSCRIBERS,
  );
  const saturated = {
    do: 'saturate',
    burst: FEW_IN_FLIGHT,
    window: FEW_IN_FLIGHT,
    grantEvery: RANDOM_GRANT_EVERY,
  } as const;
  await pair.run({ ...saturated, measuredMs: WARM_UP_MS });
  const { published, tookMs } = await pair.run({ ...saturated, measuredMs: WARM_UP_MS });
  const perSecond = Math.floor(((published * 1_000) / tookMs) * SOAK_LOAD);

  const samples: { minute: number; megabytes: number }[] = [];
  let deliveries = 0;
  const startedAt = performance.now();
  for (let minute = 0; minute < SOAK_MINUTES; minute = (performance.now() - startedAt) / 60_000) {
    deliveries += (await pair.run({ do: 'pace', perSecond, measuredMs: SOAK_ROUND_MS })).deliveries;
    const { rssBytes } = await pair.run({ do: 'memory', collect: true });
    samples.push({ minute, megabytes: rssBytes / MEGABYTE });
    await pair.run({ do: 'leave' });
    await pair.run({ do: 'connect', subscribers: RANDOM_SUBSCRIBERS });
  }
  const settled = samples.filter(({ minute }) => minute >= SOAK_WARM_UP_MINUTES);
  const [first, last] = [settled[0], settled.at(-1)];
  return [
    `  ${SOAK_MINUTES} minutes at ${perSecond.toLocaleString('en')} publications a second, half of saturation: ${deliveries.toLocaleString('en')} deliveries, none lost or twice`,
    `    RSS after a GC: ${first?.megabytes.toFixed(0)} MB after ${SOAK_WARM_UP_MINUTES} minutes, ${last?.megabytes.toFixed(0)} MB at the end, ${slopeOf(settled).toFixed(2)} MB a minute`,
  ];
}

/** Least squares, in megabytes a minute. */
function slopeOf(samples: readonly { minute: number; megabytes: number }[]): number {
  const mean = (of: (sample: (typeof samples)[number]) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [minute, megabytes] = [mean((sample) => sample.minute), mean((sample) => sample.megabytes)];
  const covariance = mean((sample) => (sample.minute - minute) * (sample.megabytes - megabytes));
  return covariance / mean((sample) => (sample.minute - minute) ** 2);
}

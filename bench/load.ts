/**
 * What living with others' load costs on the live stream: the delays of those who behave, beside clients that do not read
 * and beside clients that break every limit, against the same clients reading or elsewhere, in alternating rounds of one
 * run. The server has a process of its own, and so has the load; a publication that somebody misses ends the bench.
 *
 * `npm run bench load slow` measures one scenario; its names are those of SCENARIOS. The herd that comes back after a
 * server was killed, and peers that are dead, are measured where they are tested: `HERD_CLIENTS=3000 npm test
 * realtime/faults/herd`, `DEAD_PEERS=500 npm test realtime/faults/dead-peers`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_LIMITS } from '../realtime-server/src/limits.ts';
import { eventually } from '../test/support/live-clients.ts';
import { publicationOf } from '../test/support/realtime.ts';
import { startRealtimeProcess } from '../test/support/realtime-process.ts';
import { Audience, type Delays } from './load/audience.ts';
import { type Scrape, scrape, scrapedDuring } from './load/scrape.ts';
import { Helper, LARGE, abusersState, readersState } from './load/words.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const WARM_UP_PUBLICATIONS = 50;
const LABEL_WIDTH = 68;

const HEALTHY = 950;
const READERS = 50;
const SLOW_ROUNDS = 3;
const LARGE_BYTES = 64_000;
/** More than the kernel's buffers and the server's queue hold for one who does not read, and less than the history's 500. */
const SLOW_PUBLICATIONS = 200;
const SLOW_EVERY_MS = 60;
const RECOVERED_MAX_MS = 30_000;
const SCRAPE_EVERY_MS = 250;
/** Who does not read answers no ping either, and is to be sent away for its queue here: no ping comes within the run. */
const PING_EVERY_MS = 1e9;

const HONEST = 500;
const ABUSERS = 1_000;
const ABUSE_ROUNDS = 5;
const ABUSE_PUBLICATIONS = 50;
const ABUSE_EVERY_MS = 100;
/** Until all abusers have come, and until what they left behind is gone. */
const ABUSE_SETTLE_MS = 1_500;

const SCENARIOS: Record<string, () => Promise<string[]>> = { slow, abusers };

/** Prints the lines of each scenario as it ends, those that are named on the command line or all. */
export async function benchLoad(): Promise<string[]> {
  console.log('  (in brackets, as a multiple of the figure before)');
  const wanted = process.argv.slice(2).filter((name) => name in SCENARIOS);
  for (const [name, scenario] of Object.entries(SCENARIOS))
    if (wanted.length === 0 || wanted.includes(name)) console.log((await scenario()).join('\n'));
  return [];
}

const line = (label: string, text: string) => `  ${label.padEnd(LABEL_WIDTH)}${text}`;

/** The middle one, the upper of two. */
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Medians of the rounds; in brackets as multiples of those of other rounds. */
function delaysOf(rounds: readonly Delays[], others?: readonly Delays[]): string {
  const middle = (of: readonly Delays[], share: keyof Delays) => median(of.map((delays) => delays[share]));
  const multiple = (share: keyof Delays) =>
    others ? ` (${(middle(rounds, share) / middle(others, share)).toFixed(2)}x)` : '';
  return (['p50', 'p99'] as const).map((share) => `${middle(rounds, share).toFixed(1)}${multiple(share)}`).join(' / ');
}

/** What was seen in a round of readers that stall. */
interface StalledRound {
  /** The longest queue of one of them. */
  queueBytes: number;
  /** Memory that came on top while they did not read, and again until they were back. */
  stallBytes: number;
  returnBytes: number;
  /** From when they read again until each had everything. */
  backMs: number;
  /** How often one was sent away as slow once more on its return. */
  again: number;
}

async function slow(): Promise<string[]> {
  await using server = await startRealtimeProcess({ limits: { pingEveryMs: PING_EVERY_MS } });
  await using readers = new Helper(
    new URL('load/readers.ts', import.meta.url),
    { endpoint: server.endpoint, readers: READERS },
    readersState,
  );
  using audience = await Audience.join(server, HEALTHY);
  const allAreWhole = async () => {
    const isWhole = async () => (await readers.tell({ do: 'report', published: audience.published })).whole === READERS;
    await eventually('all readers have everything', isWhole, RECOVERED_MAX_MS);
  };
  const large = 'x'.repeat(LARGE_BYTES);
  const publish = (times: number) =>
    audience.hears(times, SLOW_EVERY_MS, (id) => [{ channel: LARGE, publication: publicationOf(id, large) }]);
  await allAreWhole();
  await publish(WARM_UP_PUBLICATIONS);
  await allAreWhole();

  const reading: Delays[] = [];
  const stalled: Delays[] = [];
  const seen: StalledRound[] = [];
  const measured = async () => await scrapedDuring(server, SCRAPE_EVERY_MS, publish(SLOW_PUBLICATIONS));
  // The kernel has given a connection that took in a large answer room for as much again: each round begins with new ones.
  const renewed = async () => {
    await readers.tell({ do: 'renew' });
    await allAreWhole();
  };
  for (let round = 1; round <= SLOW_ROUNDS; round += 1) {
    await renewed();
    reading.push((await measured()).result);
    await allAreWhole();
    await renewed();
    await readers.tell({ do: 'stall' });
    const { result, scrapes } = await measured();
    stalled.push(result);
    const resumedAt = performance.now();
    await readers.tell({ do: 'resume' });
    const back = await scrapedDuring(server, SCRAPE_EVERY_MS, allAreWhole());
    seen.push(stalledRoundOf(scrapes, back.scrapes, resumedAt));
  }
  const most = (figure: keyof StalledRound) => Math.round(Math.max(...seen.map((round) => round[figure])));
  const inMebibytes = (bytes: number) => `${Math.round(bytes / MEBIBYTE)} MiB`;
  const label = `${HEALTHY} beside ${READERS} that read publications of ${LARGE_BYTES / 1_000} KB: p50 / p99, ms`;
  return [
    line(label, delaysOf(reading)),
    line(`  beside the ${READERS} that do not, until they are sent away`, delaysOf(stalled, reading)),
    line(
      '    the longest queue of one, and the memory that came on top',
      `${Math.round(most('queueBytes') / KIBIBYTE)} of ${DEFAULT_LIMITS.queueBytesMax / KIBIBYTE} KiB, ${inMebibytes(most('stallBytes'))}`,
    ),
    line(
      '    from reading on until all have everything',
      `${most('backMs')} ms, ${inMebibytes(most('returnBytes'))} on top, ${most('again')} times sent away once more`,
    ),
  ];
}

/** @throws {Error} when one of those who do not read was still there in the end, or somebody else was taken for slow */
function stalledRoundOf(stall: readonly Scrape[], back: readonly Scrape[], resumedAt: number): StalledRound {
  const [first, last, end] = [stall[0], stall.at(-1), back.at(-1)];
  if (!first || !last || !end) throw new Error('the server was not looked at');
  const gone = last.slow - first.slow;
  if (gone !== READERS) throw new Error(`${gone} of ${READERS} were sent away as slow`);
  const most = (scrapes: readonly Scrape[], figure: keyof Scrape) => Math.max(...scrapes.map((each) => each[figure]));
  return {
    queueBytes: most(stall, 'slowestBytes'),
    stallBytes: most(stall, 'rssBytes') - first.rssBytes,
    returnBytes: most(back, 'rssBytes') - last.rssBytes,
    backMs: end.at - resumedAt,
    again: end.slow - last.slow,
  };
}

async function abusers(): Promise<string[]> {
  await using server = await startRealtimeProcess();
  // The processor time that the abusers' own process takes is to be in what they are compared with.
  await using other = await startRealtimeProcess();
  await using helper = new Helper(new URL('load/abusers.ts', import.meta.url), { abusers: ABUSERS }, abusersState);
  using audience = await Audience.join(server, HONEST);
  await audience.hears(WARM_UP_PUBLICATIONS, ABUSE_EVERY_MS);

  const quiet: Delays[] = [];
  const elsewhere: Delays[] = [];
  const abused: Delays[] = [];
  const busy: number[] = [];
  const endings = new Map<string, number>();
  const abusing = async (endpoint: string | undefined, rounds: Delays[]) => {
    await helper.tell(endpoint === undefined ? {} : { endpoint });
    await sleep(ABUSE_SETTLE_MS);
    const before = await scrape(server);
    rounds.push(await audience.hears(ABUSE_PUBLICATIONS, ABUSE_EVERY_MS));
    const after = await scrape(server);
    const ended = await helper.tell({});
    await sleep(ABUSE_SETTLE_MS);
    return { ended, busy: ((after.processorSeconds - before.processorSeconds) * 1_000) / (after.at - before.at) };
  };
  for (let round = 1; round <= ABUSE_ROUNDS; round += 1) {
    await abusing(undefined, quiet);
    await abusing(other.endpoint, elsewhere);
    const outcome = await abusing(server.endpoint, abused);
    busy.push(outcome.busy);
    for (const [code, count] of Object.entries(outcome.ended)) endings.set(code, (endings.get(code) ?? 0) + count);
  }
  const codes = [...endings].toSorted(([, one], [, more]) => more - one);
  const thousand = ABUSERS.toLocaleString('en');
  return [
    line(`${HONEST} honest, nobody else: p50 / p99, ms`, delaysOf(quiet)),
    line(`  beside ${thousand} that abuse another server of the machine`, delaysOf(elsewhere, quiet)),
    line(`  beside ${thousand} that abuse this one`, delaysOf(abused, elsewhere)),
    line('  processor time of the abused server, %', `${Math.round(median(busy) * 100)}`),
    line(
      '  abusers sent away, by code',
      codes.map(([code, count]) => `${code}: ${count.toLocaleString('en')}`).join(', '),
    ),
  ];
}

/** What a server says of itself on /metrics. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Scrape {
  /** When it was made, on the clock of `performance`. */
  at: number;
  rssBytes: number;
  processorSeconds: number;
  /** Bytes that the slowest client has not taken in. */
  slowestBytes: number;
  /** Connections that were ended as slow, since the server began. */
  slow: number;
}

export async function scrape({ port }: { port: number }): Promise<Scrape> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  // Not a number where there is no such series.
  const figure = (name: string, label = '') =>
    Number(new RegExp(`^${name}\\{[^}]*${label}[^}]*\\} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return {
    at: performance.now(),
    rssBytes: figure('process_memory_bytes', 'kind="rss"'),
    processorSeconds: figure('process_cpu_seconds_total'),
    slowestBytes: figure('realtime_queued_bytes', 'of="slowest"'),
    // A code has a series from its first time on.
    slow: figure('realtime_disconnects_total', 'code="3008"') || 0,
  };
}

/** The scrapes of a server for as long as something lasts, and what that came to. */
export async function scrapedDuring<Result>(
  server: { port: number },
  everyMs: number,
  doing: Promise<Result>,
): Promise<{ scrapes: Scrape[]; result: Result }> {
  let isOver = false;
  const scraping = (async () => {
    const scrapes: Scrape[] = [];
    for (; !isOver; await sleep(everyMs)) scrapes.push(await scrape(server));
    return scrapes;
  })();
  const result = await doing.finally(() => (isOver = true));
  return { result, scrapes: [...(await scraping), await scrape(server)] };
}

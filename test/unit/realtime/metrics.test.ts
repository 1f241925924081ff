import { afterEach, describe, expect, test } from '@jest/globals';
import { MemoryBroker } from '../../../realtime-server/src/broker/memory-broker.ts';
import { Health } from '../../../realtime-server/src/health.ts';
import { Metrics, countedBroker } from '../../../realtime-server/src/metrics.ts';

const opened: Disposable[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

function count() {
  const metrics = new Metrics({ node: 'ann' });
  opened.push(metrics);
  /** The value of a series, by its name and labels without the node's. */
  const value = async (series: string) => {
    const lines = (await metrics.render())
      .split('\n')
      .map((line) => line.replace(/,?node="ann"/, '').replace('{}', ''));
    const line = lines.find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  return { metrics, value };
}

describe('metrics', () => {
  test('tell connections open now by transport, and how many there were', async () => {
    const { metrics, value } = count();
    for (let index = 0; index < 3; index += 1) metrics.opened('websocket');
    metrics.opened('sse');
    metrics.closed('websocket');
    expect(await value('realtime_connections{transport="websocket"}')).toBe(2);
    expect(await value('realtime_connections{transport="sse"}')).toBe(1);
    expect(await value('realtime_connections_opened_total{transport="websocket"}')).toBe(3);
  });

  test('count what went in and out, and are not counted twice by a second scrape', async () => {
    const { metrics, value } = count();
    metrics.delivered(1_000);
    metrics.delivered(1);
    metrics.sent(5);
    metrics.command('subscribe');
    metrics.disconnected(3008);
    metrics.unsubscribed(2500);
    metrics.errored(103);
    metrics.recovery('recovered');
    metrics.historyRead(true);
    metrics.historyRead(false);
    metrics.historyRead(false);
    metrics.verdict('nodes');
    metrics.brokerOperation('publish');
    metrics.brokerError('publish');
    metrics.event('duplicate');
    metrics.adminRequest(0);
    await metrics.render();
    expect(await value('realtime_delivered_total')).toBe(1_001);
    expect(await value('realtime_sent_bytes_total')).toBe(5);
    expect(await value('realtime_commands_total{method="subscribe"}')).toBe(1);
    expect(await value('realtime_disconnects_total{code="3008"}')).toBe(1);
    expect(await value('realtime_unsubscribes_total{code="2500"}')).toBe(1);
    expect(await value('realtime_errors_total{code="103"}')).toBe(1);
    expect(await value('realtime_recoveries_total{result="recovered"}')).toBe(1);
    expect(await value('realtime_history_hits_total')).toBe(1);
    expect(await value('realtime_history_misses_total')).toBe(2);
    expect(await value('realtime_verdicts_total{from="nodes"}')).toBe(1);
    expect(await value('realtime_broker_operations_total{operation="publish"}')).toBe(1);
    expect(await value('realtime_broker_errors_total{operation="publish"}')).toBe(1);
    expect(await value('realtime_events_total{what="duplicate"}')).toBe(1);
    expect(await value('realtime_admin_requests_total{code="0"}')).toBe(1);
  });

  test('look at the queues once for each scrape', async () => {
    const { metrics, value } = count();
    let looks = 0;
    metrics.sampleWith(() => {
      looks += 1;
      return { users: 2, channels: 3, subscriptions: 4, queuedBytesMax: 50, queuedBytesSum: 60 };
    });
    expect(await value('realtime_queued_bytes{of="slowest"}')).toBe(50);
    expect(looks).toBe(1);
    expect(await value('realtime_queued_bytes{of="all"}')).toBe(60);
    expect(await value('realtime_users')).toBe(2);
    expect(await value('realtime_channels')).toBe(3);
    expect(await value('realtime_subscriptions')).toBe(4);
  });

  test('put latencies into buckets, those of clocks that run ahead into the first', async () => {
    const { metrics, value } = count();
    for (const seconds of [-0.2, 0.0004, 0.003, 20, Number.NaN]) metrics.latency(seconds);
    expect(await value('realtime_publish_to_deliver_seconds_bucket{le="0.001"}')).toBe(2);
    expect(await value('realtime_publish_to_deliver_seconds_bucket{le="0.005"}')).toBe(3);
    expect(await value('realtime_publish_to_deliver_seconds_bucket{le="10"}')).toBe(3);
    expect(await value('realtime_publish_to_deliver_seconds_count')).toBe(4);
  });

  test('do not grow with the values of a label', async () => {
    const { metrics, value } = count();
    for (let code = 0; code < 1_000; code += 1) metrics.errored(code);
    expect((await metrics.render()).match(/^realtime_errors_total\{/gm)).toHaveLength(65);
    expect(await value('realtime_errors_total{code="other"}')).toBe(936);
  });

  test('tell how the process does, each process by its own registry', async () => {
    const { metrics, value } = count();
    const other = new Metrics({ node: 'bob' });
    opened.push(other);
    other.delivered(7);
    expect(await value('realtime_delivered_total')).toBe(0);
    expect(await other.render()).toContain('realtime_delivered_total{node="bob"} 7');
    expect(await value('process_memory_bytes{kind="rss"}')).toBeGreaterThan(1e6);
    expect(await value('nodejs_eventloop_lag_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
    expect(metrics.contentType).toContain('text/plain');
  });

  test('count what the broker is asked for, and what it could not do', async () => {
    const { metrics, value } = count();
    const within = new MemoryBroker();
    const health = new Health();
    metrics.exportHealth(health);
    const broker = countedBroker(within, metrics, health.of('broker'));
    await broker.subscribe('news');
    expect(await broker.publish('news', '1', {})).toMatchObject({ position: { offset: 0 } });
    expect(await value('realtime_dependency_up{dependency="broker"}')).toBe(1);
    within.publish = () => Promise.reject(new Error('away'));
    await expect(broker.publish('news', '2', {})).rejects.toThrow('away');
    expect(await value('realtime_broker_operations_total{operation="publish"}')).toBe(2);
    expect(await value('realtime_broker_operations_total{operation="subscribe"}')).toBe(1);
    expect(await value('realtime_broker_errors_total{operation="publish"}')).toBe(1);
    expect(await value('realtime_dependency_up{dependency="broker"}')).toBe(0);
    await broker[Symbol.asyncDispose]();
  });

  test('cost next to nothing to count', () => {
    const { metrics } = count();
    const times = 1_000_000;
    const startedAt = performance.now();
    for (let index = 0; index < times; index += 1) {
      metrics.delivered(10);
      metrics.sent(1_000);
      metrics.command('publish');
    }
    // A microsecond for three counts is some twenty times what it takes.
    expect(performance.now() - startedAt).toBeLessThan(times / 1_000);
  });
});

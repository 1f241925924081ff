import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import {
  Admission,
  type AdmissionLimits,
  DEFAULT_ADMISSION_LIMITS,
  SERVER_OPTIONS,
  hardenServer,
} from '../../../realtime-server/src/admission.ts';

/** An admission with a clock that the test moves. */
function admissionOf(limits: Partial<AdmissionLimits> = {}) {
  const clock = { now: 1_000_000 };
  return { clock, admission: new Admission({ ...DEFAULT_ADMISSION_LIMITS, ...limits }, () => clock.now) };
}

const admitted = (admission: Admission, addresses: readonly string[]) =>
  addresses.filter((address) => !admission.admit(address)).length;

const repeat = (count: number, address: string) => Array.from({ length: count }, () => address);
const different = (count: number) => Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 0xff}`);

describe('connections', () => {
  test('the newest over what the server holds is refused, until one has gone', () => {
    const { admission } = admissionOf({ connectionsMax: 2 });
    expect(admitted(admission, ['a', 'b'])).toBe(2);
    expect(admission.admit('c')).toEqual({ status: 503, retryAfterSeconds: 10, reason: 'server full' });
    admission.release('a');
    expect(admission.admit('c')).toBeUndefined();
    expect(admission.connections).toBe(2);
  });

  test('one address opens at most its share, and others are unaffected', () => {
    const { admission } = admissionOf({ perAddressMax: 3 });
    expect(admitted(admission, repeat(500, 'greedy'))).toBe(3);
    expect(admission.admit('greedy')).toMatchObject({ status: 429, reason: 'address full' });
    expect(admission.admit('modest')).toBeUndefined();
    admission.release('greedy');
    expect(admission.admit('greedy')).toBeUndefined();
  });

  test('programs of this machine, as a proxy on it, are no one address', () => {
    const { admission } = admissionOf({ perAddressMax: 3 });
    for (const address of ['127.0.0.1', '0:0:0:0::/64']) expect(admitted(admission, repeat(20, address))).toBe(20);
  });

  test('one user opens at most its share', () => {
    const { admission } = admissionOf({ perUserMax: 2 });
    expect([1, 2, 3].map(() => admission.admitUser('ann'))).toEqual([true, true, false]);
    expect(admission.admitUser('bob')).toBe(true);
    admission.releaseUser('ann');
    expect(admission.admitUser('ann')).toBe(true);
  });

  test('a release too many changes nothing', () => {
    const { admission } = admissionOf({ connectionsMax: 1 });
    admission.release('a');
    admission.releaseUser('ann');
    expect(admitted(admission, ['a', 'b'])).toBe(1);
    admission.release('a');
    admission.release('a');
    expect(admission.connections).toBe(0);
  });
});

describe('handshakes', () => {
  test('come as a burst, and then at their rate', () => {
    const { admission, clock } = admissionOf({ handshakesPerSecond: 10, handshakesBurst: 5 });
    expect(admitted(admission, different(20))).toBe(5);
    expect(admission.admit('late')).toEqual({ status: 503, retryAfterSeconds: 1, reason: 'server busy' });
    clock.now += 300;
    expect(admitted(admission, different(20))).toBe(3);
    clock.now += 60_000;
    expect(admitted(admission, different(20))).toBe(5);
  });

  test('an address over its rate takes nothing from the others', () => {
    const { admission, clock } = admissionOf({
      handshakesPerSecond: 20,
      handshakesBurst: 20,
      handshakesPerAddressPerSecond: 1,
      handshakesPerAddressBurst: 2,
    });
    expect(admitted(admission, repeat(1_000, 'flood'))).toBe(2);
    expect(admission.admit('flood')).toEqual({ status: 429, retryAfterSeconds: 1, reason: 'address busy' });
    expect(admitted(admission, different(18))).toBe(18);
    clock.now += 1_000;
    expect(admitted(admission, repeat(1_000, 'flood'))).toBe(1);
  });

  test('the wait that is asked for is enough', () => {
    const { admission, clock } = admissionOf({ handshakesPerSecond: 0.1, handshakesBurst: 1 });
    expect(admission.admit('a')).toBeUndefined();
    const refusal = admission.admit('b');
    expect(refusal?.retryAfterSeconds).toBe(10);
    clock.now += (refusal?.retryAfterSeconds ?? 0) * 1_000;
    expect(admission.admit('b')).toBeUndefined();
  });

  test('go on when the clock is set back', () => {
    const { admission, clock } = admissionOf({ handshakesPerSecond: 10, handshakesBurst: 5 });
    expect(admitted(admission, different(20))).toBe(5);
    clock.now -= 3_600_000;
    expect(admitted(admission, different(20))).toBe(5);
    expect(admission.admit('late')).toMatchObject({ retryAfterSeconds: 1, reason: 'server busy' });
  });

  test('a hundred thousand addresses that came and went are forgotten', () => {
    const { admission, clock } = admissionOf();
    let [most, refused] = [0, 0];
    for (let index = 0; index < 100_000; index += 1) {
      clock.now += 2;
      if (admission.admit(`address ${index}`)) refused += 1;
      // Some go only after their successors came, and not in their order.
      if (index % 7 === 0) for (let back = 0; back < 7; back += 1) admission.release(`address ${index - back}`);
      most = Math.max(most, admission.kept.addresses);
    }
    for (let index = 99_990; index < 100_000; index += 1) admission.release(`address ${index}`);
    clock.now += 1_000;
    admission.admit('sweeps');
    expect([admission.connections, refused]).toEqual([1, 0]);
    expect(most).toBeLessThan(100);
    expect(admission.kept.addresses).toBeLessThan(20);
  });

  test('an address that is gone is still held to its rate', () => {
    const { admission } = admissionOf({ handshakesPerAddressPerSecond: 1, handshakesPerAddressBurst: 3 });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(admission.admit('a')).toBeUndefined();
      admission.release('a');
    }
    expect(admission.admit('a')).toMatchObject({ status: 429 });
  });
});

describe('addresses', () => {
  const request = (remoteAddress: string, forwardedFor?: string) => ({
    socket: { remoteAddress },
    headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
  });

  test('are the peer’s, whatever it claims, where no proxy is trusted', () => {
    const { admission } = admissionOf();
    expect(admission.addressOf(request('203.0.113.7', '198.51.100.1'))).toBe('203.0.113.7');
    expect(admission.addressOf(request('::ffff:203.0.113.7'))).toBe('203.0.113.7');
  });

  test('are what the outermost trusted proxy saw', () => {
    const one = admissionOf({ trustProxyHops: 1 }).admission;
    expect(one.addressOf(request('10.0.0.1', '6.6.6.6, 203.0.113.7'))).toBe('203.0.113.7');
    const two = admissionOf({ trustProxyHops: 2 }).admission;
    expect(two.addressOf(request('10.0.0.1', '6.6.6.6, 203.0.113.7, 10.0.0.2'))).toBe('203.0.113.7');
  });

  test('are the peer’s where the header has none, or nonsense', () => {
    const { admission } = admissionOf({ trustProxyHops: 1 });
    expect(admission.addressOf(request('10.0.0.1'))).toBe('10.0.0.1');
    expect(admission.addressOf(request('10.0.0.1', 'unknown'))).toBe('10.0.0.1');
    expect(admission.addressOf(request('10.0.0.1', ''))).toBe('10.0.0.1');
  });

  test('of IPv6 are one for a whole /64, however they are written', () => {
    const { admission } = admissionOf();
    const network = admission.addressOf(request('2001:db8:0:7::1'));
    expect(network).toBe('2001:db8:0:7::/64');
    expect(admission.addressOf(request('2001:DB8:0000:7:ffff:ffff:ffff:ffff'))).toBe(network);
    expect(admission.addressOf(request('2001:db8:0:8::1'))).not.toBe(network);
    expect(admission.addressOf(request('::1'))).toBe('0:0:0:0::/64');
    expect(admission.addressOf(request('fe80::1%eth0'))).toBe('fe80:0:0:0::/64');
  });
});

describe('a hardened server', () => {
  /** What a peer is told that begins as given and then only drips; empty when it is just closed. */
  async function dripping(beginning: string): Promise<string> {
    const server = createServer({ ...SERVER_OPTIONS, connectionsCheckingInterval: 20 }, (_, response) => {
      response.end('served');
    });
    hardenServer(server, { requestWithinMs: 200, socketsMax: 10 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
    let told = '';
    socket.on('data', (chunk: Buffer) => void (told += chunk.toString())).on('error', () => undefined);
    socket.write(beginning);
    const drip = setInterval(() => beginning && socket.write('x'), 30);
    await once(socket, 'close');
    clearInterval(drip);
    await new Promise((resolve) => server.close(resolve));
    return told;
  }

  test('closes a peer that never sends a byte', async () => {
    expect(await dripping('')).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test('closes a peer whose headers come byte by byte', async () => {
    expect(await dripping('GET / HTTP/1.1\r\nhost: ')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('refuses 16 kB of headers', async () => {
    const header = `GET / HTTP/1.1\r\nhost: server\r\nlong: ${'x'.repeat(17 * 1024)}\r\n\r\n`;
    expect(await dripping(header)).toMatch(/^HTTP\/1.1 431 /);
  });
});

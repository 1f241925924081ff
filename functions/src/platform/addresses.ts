import { isIPv4 } from 'node:net';

/**
 * The address that a request came from. The front end adds the one that it saw at the end; what stands before it, the caller may
 * have made up. Behind a proxy of one's own, a load balancer or Hosting, all callers have that proxy's address.
 */
export const addressOf = (forwarded: string | undefined, peer: string | undefined): string =>
  forwarded?.split(',').at(-1)?.trim() || peer || '';

/** An address as far as it names one subscriber: of IPv6, everybody has 2⁶⁴ of them. */
export function subscriberOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const behind = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0');
  const all = tail === undefined ? groups : [...groups, ...zeros, ...behind];
  return all
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}

/**
 * Whether a request comes from this machine, as with the emulators, where many people may be behind one address; those that come
 * through a local socket have none. In the cloud the front end always names one.
 */
export function isLocal(address: string): boolean {
  const subscriber = subscriberOf(address);
  return address === '' || address === '::1' || (isIPv4(subscriber) && subscriber.startsWith('127.'));
}

/**
 * Firebase ID tokens, verified by the Admin SDK as in production: no emulator, and a stand-in on this machine for the two
 * services of Google that it asks (the public keys, and the account behind a token).
 */
import { type KeyObject, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { Agent } from 'node:https';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type App, deleteApp, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { firebaseAuthenticate, firebaseStandings } from '../../../../realtime-server/src/authenticate.ts';
import type { Authority } from '../../../../realtime-server/src/authority.ts';
import { eventually, phone, settled } from '../../../support/live-clients.ts';
import { serveRealtime } from '../../../support/realtime.ts';

const PROJECT = 'playnite-of-tests';
const ISSUER = `https://securetoken.google.com/${PROJECT}`;
const KEY_ID = 'key-of-google';
const HOUR_S = 3_600;

/** Speaks plain HTTP with the stand-in, whatever host of Google is asked. */
class ToStandIn extends Agent {
  readonly #port: number;

  constructor(port: number) {
    super();
    this.#port = port;
  }

  override createConnection(): Socket {
    return connect(this.#port, '127.0.0.1');
  }
}

const google = generateKeyPairSync('rsa', { modulusLength: 2048 });
const forger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = google.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nowS = () => Math.floor(Date.now() / 1000);

const claims = (others: object = {}) => ({
  iss: ISSUER,
  aud: PROJECT,
  sub: 'ann',
  iat: nowS() - 10,
  auth_time: nowS() - 10,
  exp: nowS() + HOUR_S,
  firebase: { sign_in_provider: 'password' },
  ...others,
});

function token(payload: object, header: object = {}, key: KeyObject = google.privateKey): string {
  const signed = `${encoded({ alg: 'RS256', kid: KEY_ID, typ: 'JWT', ...header })}.${encoded(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** Signed with the public key as if that were a secret, which a careless verifier believes. */
function signedWithPublicKey(): string {
  const signed = `${encoded({ alg: 'HS256', kid: KEY_ID, typ: 'JWT' })}.${encoded(claims())}`;
  return `${signed}.${createHmac('sha256', publicKey).update(signed).digest('base64url')}`;
}

const unsigned = (header: object) => `${encoded(header)}.${encoded(claims())}.`;

const changed = (): string => {
  const [header, , signature] = token(claims()).split('.');
  return `${header}.${encoded(claims({ sub: 'eve' }))}.${signature}`;
};

/** `down` as the SDK does not ask again by itself. */
type Service = 'up' | 'down' | 'silent';

let standIn: Server;
let app: App;
let authenticate: Authority['authenticate'];
let standings: NonNullable<Authority['standings']>;
let account: Record<string, unknown>;
let keys: Service;
let accounts: Service;
let barred: string[];
const emulator = process.env['FIREBASE_AUTH_EMULATOR_HOST'];
const opened: AsyncDisposable[] = [];
const closers: (() => void)[] = [];

beforeAll(async () => {
  delete process.env['FIREBASE_AUTH_EMULATOR_HOST'];
  standIn = createServer((request, response) => {
    const isForKeys = request.url?.includes('/metadata/x509/') === true;
    const service = isForKeys ? keys : accounts;
    if (service === 'silent') return;
    const users = Object.keys(account).length === 0 ? {} : { users: [account] };
    const answer = isForKeys ? { [KEY_ID]: publicKey } : users;
    response
      .writeHead(service === 'up' ? 200 : 500, { 'content-type': 'application/json', connection: 'close' })
      .end(JSON.stringify(service === 'up' ? answer : { error: 'unavailable' }));
  }).listen(0, '127.0.0.1');
  await once(standIn, 'listening');
});

afterAll(async () => {
  if (emulator !== undefined) process.env['FIREBASE_AUTH_EMULATOR_HOST'] = emulator;
  standIn.closeAllConnections();
  standIn.close();
  await once(standIn, 'close');
});

// The SDK keeps the keys, so each test begins with an app of its own.
beforeEach(() => {
  account = { localId: 'ann', validSince: '0' };
  keys = 'up';
  accounts = 'up';
  barred = [];
  const credential = { getAccessToken: async () => ({ access_token: 'of-tests', expires_in: HOUR_S }) };
  const { port } = standIn.address() as AddressInfo;
  app = initializeApp({ projectId: PROJECT, credential, httpAgent: new ToStandIn(port) }, 'real-tokens');
  authenticate = firebaseAuthenticate(getAuth(app), (uid) => barred.includes(uid));
  standings = firebaseStandings(getAuth(app));
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
  await deleteApp(app);
});

const serve = async () => {
  const { server, endpoint } = await serveRealtime({
    authority: { authenticate, standings },
    limits: { reverifyEveryMs: 100 },
  });
  opened.push(server);
  return endpoint;
};

const call = (endpoint: string, words: string) => {
  const each = phone(endpoint, words);
  closers.push(() => each.client.disconnect());
  return each;
};

describe('a token that Firebase signed', () => {
  test('says who it is, until when, and in which role', async () => {
    account['customAttributes'] = JSON.stringify({ role: 'moderator' });
    const { exp, ...others } = claims({ role: 'moderator' });
    const words = token({ exp, ...others });
    expect(await authenticate(words)).toEqual({
      uid: 'ann',
      token: words,
      expiresAt: exp * 1000,
      signedInAt: others.auth_time * 1000,
      role: 'moderator',
      demoted: false,
    });
  });

  test('with a role that was taken away is demoted', async () => {
    expect(await authenticate(token(claims({ role: 'moderator' })))).toMatchObject({ demoted: true });
  });

  test('and has expired is to be renewed', async () => {
    expect(await authenticate(token(claims({ exp: nowS() - 1 })))).toBe('expired');
  });

  test('counts for nothing once it was revoked, the account disabled or gone', async () => {
    account['validSince'] = `${nowS()}`;
    expect(await authenticate(token(claims()))).toBe('invalid');
    account = { localId: 'ann', validSince: '0', disabled: true };
    expect(await authenticate(token(claims()))).toBe('invalid');
    account = {};
    expect(await authenticate(token(claims()))).toBe('invalid');
  });

  test('of somebody who is shut out is barred', async () => {
    barred = ['ann'];
    expect(await authenticate(token(claims()))).toBe('barred');
  });
});

describe('a token that Firebase did not sign', () => {
  test.each([
    ['nothing', () => ''],
    ['garbage', () => 'not a token'],
    ['three garbled parts', () => 'a.b.c'],
    ['40 kB of garbage', () => 'x'.repeat(40_000)],
    ['no algorithm', () => unsigned({ alg: 'none', typ: 'JWT' })],
    ['no algorithm, but a key id', () => unsigned({ alg: 'none', kid: KEY_ID, typ: 'JWT' })],
    ['the emulator’s form', () => `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded(claims())}.`],
    ['the public key as a secret', signedWithPublicKey],
    ['somebody else’s key', () => token(claims(), {}, forger.privateKey)],
    ['a key that Google does not know', () => token(claims(), { kid: 'other' })],
    ['no key id', () => token(claims(), { kid: undefined })],
    ['claims changed after the signature', changed],
    ['another project', () => token(claims({ aud: 'other', iss: 'https://securetoken.google.com/other' }))],
    ['another issuer', () => token(claims({ iss: 'https://evil.example' }))],
    ['no subject', () => token(claims({ sub: '' }))],
    ['a subject too long', () => token(claims({ sub: 'x'.repeat(129) }))],
    ['an expired one of another key', () => token(claims({ exp: nowS() - HOUR_S }), {}, forger.privateKey)],
  ])('is invalid: %s', async (_, make) => {
    expect(await authenticate(make())).toBe('invalid');
  });

  test('sends its client away for good', async () => {
    const endpoint = await serve();
    const eve = call(endpoint, token(claims(), {}, forger.privateKey));
    await eventually('the forger is gone', () => eve.client.state === 'disconnected');
    expect(eve.lost).toEqual([3500]);
  });
});

describe('while Google cannot be asked', () => {
  test.each([
    ['keys', () => void (keys = 'down')],
    ['accounts', () => void (accounts = 'down')],
    ['keys, who says nothing', () => void (keys = 'silent')],
    ['accounts, who says nothing', () => void (accounts = 'silent')],
  ])(
    'for %s, there is no verdict on a token, and its client comes in when it can be',
    async (_, fail) => {
      fail();
      const endpoint = await serve();
      const ann = call(endpoint, token(claims()));
      const errors: number[] = [];
      ann.client.on('error', ({ error }) => void errors.push(error.code));
      await eventually('the client was told to try again', () => errors.includes(100));
      expect(ann.client.state).toBe('connecting');
      keys = 'up';
      accounts = 'up';
      standIn.closeAllConnections();
      await settled([ann]);
      expect(ann.lost).toEqual([]);
    },
    20_000,
  );

  test('connections stay, and end once the account is known to be disabled', async () => {
    const endpoint = await serve();
    const ann = call(endpoint, token(claims()));
    await settled([ann]);
    accounts = 'down';
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ann.client.state).toBe('connected');
    accounts = 'up';
    account['disabled'] = true;
    await eventually('the connection has ended', () => ann.client.state === 'disconnected');
    expect(ann.lost).toEqual([3500]);
  });
});

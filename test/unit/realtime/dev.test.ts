import { afterEach, describe, expect, test } from '@jest/globals';
import { DISCONNECTS, ERRORS } from '@playnite/contracts/realtime';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { type DevServer, startDevServer } from '../../support/dev-server.ts';

const opened: DevServer[] = [];
const clients: Centrifuge[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const server of opened.splice(0)) await server.stop();
});

async function start(config?: unknown): Promise<DevServer> {
  const server = await startDevServer(config);
  opened.push(server);
  return server;
}

function connecting({ port }: DevServer, options = {}): Promise<unknown> {
  const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, { websocket: WebSocket, ...options });
  clients.push(client);
  return new Promise((resolve) => {
    client.once('connected', () => resolve('connected'));
    client.once('disconnected', ({ code }) => resolve(code));
    client.connect();
  });
}

describe('the realtime server for development', () => {
  test('is open to anybody without a configuration, on this machine alone, and says so in a line', async () => {
    const server = await start();
    expect(server.said()).toMatch(/^Realtime server .* on http:\/\/127\.0\.0\.1:\d+: .* anybody, without a token.*\n$/);
    expect(await connecting(server)).toBe('connected');
    expect(await connecting(server, { token: 'not looked at' })).toBe('connected');
  });

  test('refuses everybody where tokens would have to be verified, and says so at the start', async () => {
    const server = await start({ http_server: { address: '127.0.0.1' } });
    expect(server.said()).toContain('nobody');
    expect(await connecting(server)).toBe(DISCONNECTS.invalidToken.code);
    expect(await connecting(server, { token: 'anything' })).toBe(DISCONNECTS.invalidToken.code);
  });

  test('opens no transport that its configuration does not name, and no API without a key', async () => {
    const { port } = await start({ client: { insecure: true }, http_server: { address: '127.0.0.1' } });
    const statusOf = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' })).status;
    expect(await statusOf('/connection/http_stream')).toBe(404);
    expect(await statusOf('/connection/sse')).toBe(404);
    expect(await statusOf('/api/info')).toBe(404);
  });

  test('warns of what has no effect, and does not start on what cannot be meant', async () => {
    const { said } = await start({ client: { insecure: true, concurrency: 8 }, http_server: { address: '127.0.0.1' } });
    expect(said()).toContain('client.concurrency');
    await expect(start({ port: 'eight thousand' })).rejects.toThrow(/^the server ended: [^\n]*port[^\n]*\n$/);
  });

  test('stops when it is asked to', async () => {
    const server = await start();
    await connecting(server);
    expect(await server.stop()).toBe(0);
  });
});

describe('on the wire, a client', () => {
  /** Says the commands, each in a line, and gives the replies as soon as there are so many, or the code of its end. */
  async function told(commands: readonly object[], replies = commands.length): Promise<unknown[] | number> {
    const { port } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
    const answers: unknown[] = [];
    const outcome = new Promise<unknown[] | number>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', resolve);
      socket.on('message', (message) => {
        for (const line of (message as Buffer).toString().split('\n')) answers.push(JSON.parse(line));
        if (answers.length >= replies) resolve(answers);
      });
    });
    socket.on('open', () => socket.send(commands.map((command) => JSON.stringify(command)).join('\n')));
    try {
      return await outcome;
    } finally {
      socket.terminate();
    }
  }
  const connect = { id: 1, connect: {} };
  const channel = 'test';

  test('cannot subscribe twice to one channel', async () => {
    const subscribe = { channel };
    const answers = await told([connect, { id: 2, subscribe }, { id: 3, subscribe }]);
    expect(answers).toMatchObject([
      { id: 1, connect: {} },
      { id: 2, subscribe: {} },
      { id: 3, error: { code: ERRORS.alreadySubscribed.code } },
    ]);
  });

  test('is told of nobody and nothing in so many words, as Centrifugo does', async () => {
    const answers = await told([
      connect,
      { id: 2, presence: { channel } },
      { id: 3, presence_stats: { channel } },
      { id: 4, history: { channel } },
    ]);
    expect(answers).toMatchObject([
      {},
      { id: 2, presence: { presence: {} } },
      { id: 3, presence_stats: { num_clients: 0, num_users: 0 } },
      { id: 4, history: { publications: [], offset: 0, epoch: expect.stringMatching(/.+/) } },
    ]);
  });

  test.each([
    ['asks for anything before it connects', [{ id: 1, subscribe: { channel: 'test' } }]],
    ['connects twice', [connect, { id: 2, connect: {} }]],
    ['leaves out the id', [connect, { subscribe: { channel: 'test' } }]],
  ])('that %s is sent away for good', async (_, commands) => {
    expect(await told(commands, Infinity)).toBe(DISCONNECTS.badRequest.code);
  });
});

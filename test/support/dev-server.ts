/** `realtime-server/src/dev.ts` as a process of its own on a free port, as `npm run realtime:dev` starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ENTRY = path.resolve(import.meta.dirname, '../../realtime-server/src/dev.ts');

export interface DevServer extends AsyncDisposable {
  port: number;
  /** What it has said so far. */
  said: () => string;
  /** Asks it to stop; resolves with its exit code. */
  stop: () => Promise<number | null>;
}

/** @throws {Error} with what it said, when it ends before it listens */
export async function startDevServer(config?: unknown): Promise<DevServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'realtime-dev-'));
  const file = path.join(folder, 'config.json');
  if (config !== undefined) writeFileSync(file, JSON.stringify(config));
  const child: ChildProcess = spawn(
    process.execPath,
    [ENTRY, '--port', '0', ...(config === undefined ? [] : ['--config', file])],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  const port = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /http:\/\/[^ ]+:(\d+)/.exec(said);
      if (address) port.resolve(Number(address[1]));
    });
  void ended.then(() => port.reject(new Error(`the server ended: ${said}`)));
  const stop = async () => {
    child.kill('SIGTERM');
    return ended;
  };
  try {
    return { port: await port.promise, said: () => said, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

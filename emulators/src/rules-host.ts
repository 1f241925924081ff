/** The other side of `StorageRulesHost.java`: starts it, and asks it in firebase-tools' protocol. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Java } from './java.ts';
import { StartError } from './start-error.ts';

const answer = z.object({
  id: z.number().optional(),
  server_request_id: z.number().optional(),
  action: z.string().optional(),
  context: z.object({ path: z.string() }).optional(),
  status: z.string(),
  errors: z.array(z.string()),
  warnings: z.array(z.string()),
  result: z.object({ permit: z.boolean().optional(), rulesVersion: z.number().optional() }).optional(),
});
type Answer = z.infer<typeof answer>;

/** A value in the rules' own JSON, such as `{string_value: 'x'}`. */
export type RulesValue = Record<string, unknown>;

export interface VerifyRequest {
  ruleset: string;
  method: 'get' | 'list' | 'create' | 'update' | 'delete';
  /** `/b/{bucket}/o/{object}` */
  path: string;
  variables: { resource: RulesValue; request: RulesValue };
}

/** A Firestore document as its REST API shows it, or undefined for one that is missing. */
export type FetchDocument = (path: string) => { name: string; fields: Record<string, unknown> } | undefined;

export interface RulesHost extends AsyncDisposable {
  /** Compiles a file; faults are `file:line:column - what`. Its ruleset is known by the name that is returned. */
  load(file: string, content: string): Promise<{ name: string; errors: string[]; warnings: string[] }>;
  verify(request: VerifyRequest): Promise<{ permit: boolean; errors: string[] }>;
  /** Writes a line as it stands, whatever it is. */
  writeLine(line: string): void;
}

/** Starts a host; it ends with its disposal. */
export function openRulesHost(java: Java, hostJar: string, fetchDocument: FetchDocument = () => undefined): RulesHost {
  const child = spawn(java.command, ['-jar', hostJar], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let lastId = 0;

  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = answer.parse(JSON.parse(line));
    if (said.server_request_id !== undefined) {
      const document = fetchDocument(said.context?.path ?? '');
      const found = document ? { status: 'ok', result: document } : { status: 'not_found' };
      child.stdin.write(`${JSON.stringify({ id: said.server_request_id, ...found })}\n`);
      return;
    }
    const id = said.id ?? -1;
    waiting.get(id)?.resolve(said);
    waiting.delete(id);
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values())
      reject(new StartError('part-failed', `The rules engine ended with code ${code}.`));
  });

  const ask = (action: string, context: Record<string, unknown>): Promise<Answer> => {
    const id = (lastId += 1);
    const outcome = Promise.withResolvers<Answer>();
    waiting.set(id, outcome);
    child.stdin.write(`${JSON.stringify({ action, id, context })}\n`);
    return outcome.promise;
  };

  return {
    async load(file, content) {
      const name = `${file}#${(lastId += 1)}`;
      const { errors, warnings } = await ask('load_ruleset', {
        rulesetName: name,
        source: { files: [{ name: file, content }] },
      });
      return { name, errors, warnings };
    },
    async verify({ ruleset, ...request }) {
      const { result, errors } = await ask('verify', { rulesetName: ruleset, service: 'firebase.storage', ...request });
      return { permit: result?.permit === true && errors.length === 0, errors };
    },
    writeLine: (line) => void child.stdin.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

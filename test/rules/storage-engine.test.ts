import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openHostedRules } from '@playnite/emulators/hosted-rules';
import type { RulesHost, RulesValue, VerifyRequest } from '@playnite/emulators/rules-host';

const NULL: RulesValue = { null_value: null };
const map = (fields: Record<string, RulesValue>): RulesValue => ({ map_value: { fields } });
const user = (uid: string): RulesValue => map({ uid: { string_value: uid }, token: map({}) });
const file = (size: number): RulesValue =>
  map({ size: { int_value: size }, contentType: { string_value: 'image/png' } });

const DOCUMENTS: Record<string, Record<string, unknown>> = {
  'users/ann': {
    name: { stringValue: 'Ann' },
    level: { integerValue: '7' },
    tags: { arrayValue: { values: [{ stringValue: 'a' }] } },
  },
  'users/bob': { nested: { mapValue: { fields: { deep: { booleanValue: true } } } }, nothing: { nullValue: null } },
};

let host: RulesHost;
let looked: string[] = [];

beforeAll(async () => {
  host = await openHostedRules((path) => {
    const id = path.replace('/databases/(default)/documents/', '');
    looked.push(id);
    const fields = DOCUMENTS[id];
    return fields && { name: `projects/p${path}`, fields };
  });
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** Whether rules with this one `allow` let a request through. */
async function permits(
  allow: string,
  {
    method = 'create',
    resource = NULL,
    after = file(9),
    auth = NULL,
    path = '/b/bucket/o/a/f',
  }: Partial<Pick<VerifyRequest, 'method' | 'path'>> & {
    resource?: RulesValue;
    after?: RulesValue;
    auth?: RulesValue;
  } = {},
) {
  const rules = `rules_version = '2';\nservice firebase.storage { match /b/{bucket}/o { match /a/{file=**} { ${allow} } } }`;
  const { name, errors } = await host.load('storage.rules', rules);
  expect(errors).toEqual([]);
  return host.verify({ ruleset: name, method, path, variables: { resource, request: map({ resource: after, auth }) } });
}

const PERMITTED = { permit: true, errors: [] };

describe('the hosted rules engine', () => {
  test('permits what a rule allows, and nothing else', async () => {
    expect(await permits('allow create: if true;')).toEqual(PERMITTED);
    expect((await permits('allow create: if false;')).permit).toBe(false);
    expect((await permits('allow get: if true;')).permit).toBe(false);
    expect((await permits('allow create: if true;', { path: '/b/bucket/o/elsewhere/f' })).permit).toBe(false);
  });

  test.each(['get', 'list', 'create', 'update', 'delete'] as const)(
    'tells %s from the other methods',
    async (method) => {
      expect((await permits(`allow ${method}: if true;`, { method })).permit).toBe(true);
      for (const other of (['get', 'list', 'create', 'update', 'delete'] as const).filter((each) => each !== method)) {
        expect((await permits(`allow ${method}: if true;`, { method: other })).permit).toBe(false);
      }
    },
  );

  test.each([
    ['a missing field', 'request.resource.nosuchfield == null'],
    ['a field of nobody', "request.auth.uid == 'ann'"],
    ['a comparison of unlike things', "request.resource.size < 'ten'"],
    ['a missing document', "firestore.get(/databases/(default)/documents/users/ghost).data.name == 'x'"],
    ['an index out of range', '[1][3] == 1'],
    ['a division by zero', '1 / 0 == 1'],
  ])('denies on the error of %s', async (_, condition) => {
    expect((await permits(`allow create: if ${condition};`)).permit).toBe(false);
    expect((await permits(`allow create: if !(${condition});`)).permit).toBe(false);
  });

  test('sees an overwrite as a create of what is there already', async () => {
    const once = 'allow create: if resource == null;';
    expect((await permits(once)).permit).toBe(true);
    expect((await permits(once, { resource: file(3) })).permit).toBe(false);
  });

  test('reads who asks and what is put', async () => {
    const rule =
      "allow create: if request.auth.uid == 'ann' && request.resource.size == 9 && request.resource.contentType.matches('image/.*');";
    expect((await permits(rule, { auth: user('ann') })).permit).toBe(true);
    expect((await permits(rule, { auth: user('bob') })).permit).toBe(false);
    expect((await permits(rule, { auth: user('ann'), after: file(10) })).permit).toBe(false);
  });

  test('looks documents up in Firestore, each once', async () => {
    const path = (id: string) => `/databases/(default)/documents/users/${id}`;
    looked = [];
    expect(
      await permits(
        `allow create: if firestore.get(${path('ann')}).data.name == 'Ann' && firestore.get(${path('ann')}).data.level == 7
          && 'a' in firestore.get(${path('ann')}).data.tags && firestore.get(${path('ann')}).id == 'ann'
          && firestore.get(${path('bob')}).data.nested.deep && firestore.get(${path('bob')}).data.nothing == null
          && firestore.exists(${path('bob')}) && !firestore.exists(${path('ghost')});`,
      ),
    ).toEqual(PERMITTED);
    expect(looked.toSorted()).toEqual(['users/ann', 'users/bob', 'users/ghost']);
    expect((await permits(`allow create: if firestore.exists(${path('ghost')});`)).permit).toBe(false);
  });

  test('keeps former rulesets', async () => {
    const rules = (condition: string) =>
      `rules_version = '2'; service firebase.storage { match /b/{b}/o/{f=**} { allow get: if ${condition}; } }`;
    const former = await host.load('storage.rules', rules('true'));
    const latter = await host.load('storage.rules', rules('false'));
    const asked = {
      method: 'get',
      path: '/b/x/o/y',
      variables: { resource: NULL, request: map({ auth: NULL }) },
    } as const;
    expect((await host.verify({ ruleset: latter.name, ...asked })).permit).toBe(false);
    expect((await host.verify({ ruleset: former.name, ...asked })).permit).toBe(true);
  });

  test('denies what it cannot understand, and goes on', async () => {
    host.writeLine('this is no JSON');
    host.writeLine('[]');
    host.writeLine('{"action":"verify"}');
    host.writeLine('['.repeat(100_000));
    const unknown = await host.verify({
      ruleset: 'never loaded',
      method: 'get',
      path: '/b/x/o/y',
      variables: { resource: NULL, request: NULL },
    });
    expect(unknown.permit).toBe(false);
    expect(unknown.errors).toHaveLength(1);
    const garbled = await permits('allow create: if true;', { resource: { no_such_value: 1 } });
    expect(garbled.permit).toBe(false);
    expect(await permits('allow create: if true;')).toEqual(PERMITTED);
  });

  test('says where broken rules are broken', async () => {
    const { errors } = await host.load(
      'storage.rules',
      "rules_version = '2';\nservice firebase.storage {\n  match /b/{b}/o { allow read: iff true; }\n}",
    );
    expect(errors[0]).toMatch(/^storage\.rules:3:\d+ - /);
  });
});

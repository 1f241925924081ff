/**
 * The queries that sources ask of Firestore, as far as they can be read off them, and what indexes Firestore demands for each: the
 * emulator answers any query, the real one refuses those that it has no index for.
 */
import { readFile } from 'node:fs/promises';
import { parse } from '@swc/core';
import { z } from 'zod';

/** A query, as far as its indexes depend on it. */
export interface Query {
  /** The last segment of its path. */
  collection: string;
  /** In all collections of that name. */
  everywhere?: boolean;
  where?: readonly (readonly [field: string, operator: string])[];
  orderBy?: string;
  descending?: boolean;
}

// ---- what Firestore demands: firebase.google.com/docs/firestore/query-data/index-overview

const mode = z.union([
  z.object({ order: z.enum(['ASCENDING', 'DESCENDING']) }).transform(({ order }) => order),
  z.object({ arrayConfig: z.literal('CONTAINS') }).transform(({ arrayConfig }) => arrayConfig),
]);
type Mode = z.infer<typeof mode>;
const scope = z.enum(['COLLECTION', 'COLLECTION_GROUP']);
const named = z.object({ fieldPath: z.string() });
const indexFile = z.object({
  indexes: z.array(
    z.object({
      collectionGroup: z.string(),
      queryScope: scope,
      fields: z.array(z.unknown().transform((field) => ({ ...named.parse(field), mode: mode.parse(field) }))),
    }),
  ),
  fieldOverrides: z.array(
    z.object({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      ttl: z.boolean().default(false),
      indexes: z.array(
        z
          .unknown()
          .transform((index) => ({ ...z.object({ queryScope: scope }).parse(index), mode: mode.parse(index) })),
      ),
    }),
  ),
});
export type Indexes = z.infer<typeof indexFile>;
type CompositeIndex = Indexes['indexes'][number];

export const readIndexes = async (): Promise<Indexes> =>
  indexFile.parse(JSON.parse(await readFile(new URL('../../firestore.indexes.json', import.meta.url), 'utf8')));

const isRange = (operator: string): boolean => /^[<>]/.test(operator);

/**
 * Whether Firestore answers a query, and with which of the composite indexes it can. It merges indexes: those of single fields where
 * nothing is ordered, and those that end with the field that is.
 */
export function serve(indexes: Indexes, query: Query): { served: boolean; by: readonly CompositeIndex[] } {
  const { collection, everywhere = false, where = [], descending = false } = query;
  const queryScope = everywhere ? 'COLLECTION_GROUP' : 'COLLECTION';
  const ranges = where.filter(([, operator]) => isRange(operator)).map(([field]) => field);
  const orderBy = query.orderBy ?? ranges[0];
  // A range on another field than the order: nobody asks for that so far.
  if (ranges.some((field) => field !== orderBy)) return { served: false, by: [] };
  const equal = new Map(
    where
      .filter(([field, operator]) => !isRange(operator) && field !== orderBy)
      .map(([field, operator]): [string, Mode] => [field, operator.startsWith('array-') ? 'CONTAINS' : 'ASCENDING']),
  );
  // A field has its own index in one collection where nothing else is said, and in all of a name where that is said.
  const hasOwn = (field: string, as: Mode): boolean => {
    const said = indexes.fieldOverrides.find((each) => each.collectionGroup === collection && each.fieldPath === field);
    return said ? said.indexes.some((each) => each.queryScope === queryScope && each.mode === as) : !everywhere;
  };
  const order: Mode = descending ? 'DESCENDING' : 'ASCENDING';
  const by = indexes.indexes.filter((index) => {
    const last = index.fields.at(-1);
    const isOrdered = orderBy === undefined || (last?.fieldPath === orderBy && last.mode === order);
    const others = orderBy === undefined ? index.fields : index.fields.slice(0, -1);
    return (
      index.collectionGroup === collection &&
      index.queryScope === queryScope &&
      isOrdered &&
      others.every((field) => equal.get(field.fieldPath) === field.mode)
    );
  });
  const covered = new Set(by.flatMap(({ fields }) => fields.map(({ fieldPath }) => fieldPath)));
  if (equal.size === 0) return { served: orderBy === undefined || hasOwn(orderBy, order), by: [] };
  const served = [...equal].every(([field, as]) => covered.has(field) || (orderBy === undefined && hasOwn(field, as)));
  return { served, by };
}

// ---- what sources ask

/** Queries that are written out, and how many there are of which only a person can say what they ask. */
export interface Asked {
  written: Query[];
  unclear: number;
}

const HELPERS = new Set(['everywhere', 'all']);

/**
 * Reads a module's queries: objects with a `collection` or a `where`, and calls of helpers by the names of {@link HELPERS} with a
 * collection and conditions. What has neither conditions nor an order needs no index, and is left out.
 */
export async function queriesOf(source: string): Promise<Asked> {
  const asked: Asked = { written: [], unclear: 0 };
  const add = (query: Query | undefined) => {
    if (!query) asked.unclear += 1;
    else if ((query.where ?? []).length > 0 || query.orderBy !== undefined) asked.written.push(query);
  };
  walk(await parse(source, { syntax: 'typescript', target: 'es2024' }), (node) => {
    if (node['type'] === 'ObjectExpression') {
      const fields = fieldsOf(node);
      if (['where', 'orderBy'].some((name) => fields.has(name))) add(readObject(fields));
    } else if (node['type'] === 'CallExpression') {
      const helper = nodeIn(node, 'callee')?.['value'];
      if (typeof helper === 'string' && HELPERS.has(helper)) add(readCall(helper, node));
    }
  });
  return asked;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const nodeIn = (node: Node | undefined, name: string): Node | undefined => {
  const value = node?.[name];
  return isNode(value) ? value : undefined;
};
const listIn = (node: Node | undefined, name: string): readonly unknown[] => {
  const value: unknown = node?.[name];
  return Array.isArray(value) ? value : [];
};

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) walk(each, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const each of Object.values(value)) walk(each, visit);
}

/** What is said of an expression's type is left away. */
function plain(expression: Node | undefined): Node | undefined {
  const type = expression?.['type'];
  return typeof type === 'string' && type.startsWith('Ts') ? plain(nodeIn(expression, 'expression')) : expression;
}

/** Fields of an object by their names; of one that is written as its name alone, nothing is known. */
function fieldsOf(object: Node): Map<string, Node | undefined> {
  const fields = new Map<string, Node | undefined>();
  for (const property of listIn(object, 'properties')) {
    if (!isNode(property)) continue;
    if (property['type'] === 'KeyValueProperty') {
      fields.set(String(nodeIn(property, 'key')?.['value']), plain(nodeIn(property, 'value')));
    } else if (property['type'] === 'Identifier') fields.set(String(property['value']), undefined);
  }
  return fields;
}

function readObject(fields: Map<string, Node | undefined>): Query | undefined {
  const collection = collectionIn(fields.get('collection'));
  const where = fields.has('where') ? conditionsIn(listIn(fields.get('where'), 'elements')) : [];
  const isWritten = !fields.has('where') || fields.get('where')?.['type'] === 'ArrayExpression';
  const orderBy = literalIn(fields.get('orderBy'));
  if (collection === undefined || !where || !isWritten || fields.has('orderBy') !== (orderBy !== undefined)) {
    return undefined;
  }
  return {
    collection,
    where,
    everywhere: fields.has('everywhere'),
    descending: fields.has('descending'),
    ...(orderBy === undefined ? {} : { orderBy }),
  };
}

function readCall(helper: string, call: Node): Query | undefined {
  const [first, ...rest] = listIn(call, 'arguments');
  const collection = isNode(first) ? collectionIn(nodeIn(first, 'expression')) : undefined;
  const where = conditionsIn(rest);
  return collection === undefined || !where ? undefined : { collection, where, everywhere: helper === 'everywhere' };
}

/** The last segment of a path that is written out as far as that. */
function collectionIn(expression: Node | undefined): string | undefined {
  const [last] = listIn(expression, 'quasis').slice(-1);
  const path = literalIn(expression) ?? (isNode(last) ? last['cooked'] : undefined);
  return typeof path === 'string' ? /[^/]+$/.exec(path)?.[0] : undefined;
}

const literalIn = (expression: Node | undefined): string | undefined => {
  const value = expression?.['value'];
  return expression?.['type'] === 'StringLiteral' && typeof value === 'string' ? value : undefined;
};

/** Conditions that are written out, each with its field and operator; undefined if one is not. */
function conditionsIn(elements: readonly unknown[]): [string, string][] | undefined {
  const conditions: [string, string][] = [];
  for (const element of elements) {
    if (!isNode(element) || isNode(element['spread'])) return undefined;
    const [field, operator] = listIn(plain(nodeIn(element, 'expression')), 'elements').map((part) =>
      isNode(part) ? literalIn(nodeIn(part, 'expression')) : undefined,
    );
    if (field === undefined || operator === undefined) return undefined;
    conditions.push([field, operator]);
  }
  return conditions;
}

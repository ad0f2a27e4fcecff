// Writes docs/operations.md from the operation tables: a change of the table shows there as a diff.

import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Call, Op, Watch } from '../../src/api/op.ts';
import { DOMAINS, OPS } from '../../src/api/ops/index.ts';
import * as subscriptions from '../../src/api/ops/subscriptions.ts';
import { RUNTIME_OPS, RUNTIME_WATCHES } from '../../src/api/runtime-dialect/dialect.ts';
import { Attribute, AttributeMsg } from '../../src/node/model/attribute.ts';
import { Colony, ColonyMsg } from '../../src/node/model/colony.ts';
import { Executor, ExecutorMsg } from '../../src/node/model/executor.ts';
import { FunctionMsg, FunctionRecord } from '../../src/node/model/function.ts';
import { LogEntry } from '../../src/node/model/log.ts';
import { Process } from '../../src/node/model/process.ts';
import { FunctionSpec, FunctionSpecMsg } from '../../src/node/model/spec.ts';
import { Statistics } from '../../src/node/model/statistics.ts';
import { User, UserMsg } from '../../src/node/model/user.ts';

/** Shapes that are told once, under their own names. */
const NAMED: Readonly<Record<string, z.ZodType>> = {
  Colony,
  User,
  Executor,
  Function: FunctionRecord,
  FunctionSpec,
  Process,
  Attribute,
  Log: LogEntry,
  Statistics,
};

/** How a shape is written in a message, where it is one of the named ones. */
const WRITTEN: ReadonlyMap<z.ZodType, string> = new Map<z.ZodType, string>([
  [ColonyMsg, 'Colony'],
  [UserMsg, 'User'],
  [ExecutorMsg, 'Executor'],
  [FunctionMsg, 'Function'],
  [FunctionSpecMsg, 'FunctionSpec'],
  [AttributeMsg, 'Attribute'],
]);

interface Shape {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly additionalProperties?: Shape | boolean;
}

const shapeOf = (schema: z.ZodType, self?: z.ZodType): Shape => {
  const names = z.registry<{ id: string }>();
  for (const [id, named] of Object.entries(NAMED)) if (named !== self) names.add(named, { id });
  for (const [named, id] of WRITTEN) if (named !== self) names.add(named, { id: `${id} written` });
  return z.toJSONSchema(schema, {
    metadata: names,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'bigint') jsonSchema.type = 'integer';
    },
  }) as Shape;
};

const link = (ref: string): string => {
  const name = ref.replace('#/$defs/', '').replace(' written', '');
  return `[${name}](#${name.toLowerCase()})`;
};

const textOf = (shape: Shape): string => {
  if (shape.$ref !== undefined) return link(shape.$ref);
  if (shape.const !== undefined) return JSON.stringify(shape.const);
  if (shape.enum) return shape.enum.map((one) => JSON.stringify(one)).join(' or ');
  if (shape.anyOf) return [...new Set(shape.anyOf.map(textOf))].join(' or ');
  if (shape.type === 'array') {
    const of = textOf(shape.items ?? {});
    return /^(\S+|\[.*\)|\{.*\})$/.test(of) ? `${of}[]` : `(${of})[]`;
  }
  if (shape.properties) {
    const fields = fieldsOf(shape);
    return fields.length === 0 ? '`{}`' : `{ ${fields.join(', ')} }`;
  }
  if (shape.type === 'object') {
    const of = shape.additionalProperties;
    return typeof of === 'object' ? `map of ${textOf(of)}` : 'map';
  }
  if (Array.isArray(shape.type)) return 'int64';
  return typeof shape.type === 'string' ? shape.type : 'any';
};

const fieldsOf = ({ properties = {}, required = [] }: Shape): string[] =>
  Object.entries(properties).map(
    ([name, of]) => `${name}${required.includes(name) ? '' : '?'}: ${textOf(of)}`,
  );

const WHO: Readonly<Record<string, string>> = {
  anyone: 'anyone, unsigned',
  identity: 'anyone who signs',
  'server-owner': 'the server owner',
  'colony-owner': 'the colony owner',
  member: 'a member: an approved executor or a user',
  'member-any': 'a member, also an executor that is not approved',
  'member-or-owner': 'an approved member, or the colony owner',
  'member-any-or-owner': 'a member in any state, or the colony owner',
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

const messageOf = ({ msg, needs }: Call): string => {
  const shape = shapeOf(msg);
  const fields = Object.entries(shape.properties ?? {}).map(([name, of]) => {
    const needed = (needs as readonly string[]).includes(name) ? '**' : '';
    return `| ${needed}\`${name}\`${needed} | ${cell(textOf(of))} |`;
  });
  return fields.length === 0 ? '' : `\n| field | type |\n|---|---|\n${fields.join('\n')}\n`;
};

const callText = (name: string, call: Call, more: string): string =>
  `### ${call.type}\n\n\`${name}\`. ${call.doc}\n\n- For: ${WHO[call.allow.who]}.\n${more}${messageOf(call)}`;

const opText = ([name, op]: [string, Op]): string => {
  const type = op.replyType === undefined ? '' : ` under the type \`${op.replyType}\``;
  return callText(name, op, `- Kind: ${op.kind}.\n- Reply: ${textOf(shapeOf(op.reply))}${type}.\n`);
};

const watchText = ([name, watch]: [string, Watch]): string =>
  callText(name, watch, '- Events: Process, under the type `subscribeprocessmsg`.\n');

const shapeText = ([name, schema]: [string, z.ZodType]): string =>
  `### ${name}\n\n${fieldsOf(shapeOf(schema, schema))
    .map((field) => {
      const [, key = '', of = ''] = /^([^:]+): (.*)$/s.exec(field) ?? [];
      return `- \`${key}\`: ${of}`;
    })
    .join('\n')}\n`;

const INTRO = `# Operations

Written from the operation tables by \`test/ops/reference.test.ts\`; do not edit. How messages are
enveloped, signed, routed and refused is told in [protocol.md](protocol.md).

The fields in bold are those without which a message makes no sense. Every field may be left out or null
and has its zero value then; names match in any case; unknown fields are ignored. A name after the type is
the method of the TypeScript client. \`field?\` is left out when it is empty.
`;

const documentText = (): string => {
  const domains = Object.entries(DOMAINS).map(
    ([domain, ops]) =>
      `## ${domain}\n\n${Object.entries<Op>(ops as Record<string, Op>)
        .map(opText)
        .join('\n')}`,
  );
  const watches = Object.entries<Watch>({ ...subscriptions })
    .map(watchText)
    .join('\n');
  const shapes = Object.entries(NAMED).map(shapeText).join('\n');
  const runtime = Object.entries<Op>(RUNTIME_OPS).map(opText).join('\n');
  const runtimeWatches = Object.entries<Watch>(RUNTIME_WATCHES).map(watchText).join('\n');
  return [
    INTRO,
    '# The executor dialect\n',
    ...domains,
    `## subscriptions (WebSocket)\n\n${watches}`,
    `## Shapes\n\n${shapes}`,
    `# The runtime dialect\n\n${runtime}\n## Subscriptions of the runtime dialect\n\n${runtimeWatches}`,
  ].join('\n');
};

test('the reference says what the tables say', async () => {
  await expect(documentText()).toMatchFileSnapshot('../../docs/operations.md');
});

test('every exported operation is in the table, under a type of its own', () => {
  const exported = Object.values(DOMAINS).flatMap((ops) => Object.keys(ops));
  expect(Object.keys(OPS).sort()).toEqual(exported.sort());
  for (const table of [OPS, RUNTIME_OPS]) {
    const types = Object.values<Op>(table).map(({ type }) => type);
    expect(new Set(types).size).toBe(types.length);
  }
});

test('every operation has a sentence, and names only fields that it has', () => {
  for (const call of [...Object.values<Op>(OPS), ...Object.values<Watch>({ ...subscriptions })]) {
    expect(call.doc).toMatch(/^[A-Z].*\.$/);
    const fields = Object.keys(shapeOf(call.msg).properties ?? {});
    expect(fields).toEqual(expect.arrayContaining([...call.needs]));
  }
});

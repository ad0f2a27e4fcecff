// The settings of a node: one schema, and how its values come together from a file, the environment
// and flags. Pure: whoever reads files and `process.env` (the command line) hands them in.

import { z } from 'zod';
import { OverlaySchema } from './config-overlay.ts';
import { fault } from './errors.ts';

declare module 'zod' {
  interface GlobalMeta {
    /** Variables that set it, the first one that is set counts. */
    env?: readonly string[];
    /** Flag of `colonies server start`. */
    flag?: string;
  }
}

const seconds = () => z.int().min(0);
const ID = /^[0-9a-f]{64}$/;
const PEER = /^[1-9A-HJ-NP-Za-km-z]{30,100}$/;
const LABEL = /^[a-z0-9][a-z0-9.-]{0,31}$/;

const FederationSchema = z.strictObject({
  mode: z
    .enum(['open', 'federated', 'closed'])
    .default('open')
    .meta({
      description:
        'Which servers are used: all, trusted ones, or anchors only; `closed` connects to named peers only',
      env: ['COLONIES_FEDERATION_MODE'],
      flag: 'federation-mode',
    }),
  depth: z
    .int()
    .min(0)
    .max(8)
    .default(3)
    .meta({
      description: 'Links that a chain of endorsements may have',
      env: ['COLONIES_TRUST_DEPTH'],
      flag: 'trust-depth',
    }),
  scopes: z
    .array(z.string().regex(LABEL, 'expected a short lower-case label'))
    .max(8)
    .default([])
    .meta({
      description: 'Scopes that every endorsement of a chain must cover',
      env: ['COLONIES_TRUST_SCOPES'],
      flag: 'trust-scope',
    }),
  anchors: z
    .array(z.string().regex(ID, 'expected 64 lower-case hex digits'))
    .default([])
    .meta({
      description: 'Server ids trusted without a chain, beside those added while it runs',
      env: ['COLONIES_ANCHORS'],
      flag: 'anchor',
    }),
  peers: z
    .array(z.string().regex(PEER, 'expected a peer id'))
    .default([])
    .meta({
      description: 'Peer ids that `closed` connects to, beside those of bootstraps and anchors',
      env: ['COLONIES_PEERS'],
      flag: 'peer',
    }),
  relay: z
    .enum(['certified', 'trusted', 'off'])
    .default('certified')
    .meta({
      description: 'Whose relayed calls are taken: of every certified node, of trusted ones, none',
      env: ['COLONIES_RELAY'],
      flag: 'relay',
    }),
});

export const ConfigSchema = z.strictObject({
  dataDir: z
    .string()
    .default('')
    .meta({
      description: 'Folder of everything the node keeps; `~/.colonies/server` when empty',
      env: ['COLONIES_DATA_DIR'],
      flag: 'data-dir',
    }),
  server: z
    .strictObject({
      id: z
        .string()
        .regex(/^([0-9a-f]{64})?$/, 'expected 64 lower-case hex digits')
        .default('')
        .meta({
          description: 'Id of the server owner; empty makes a key at the first start',
          env: ['COLONIES_SERVERID', 'COLONIES_SERVER_ID'],
          flag: 'serverid',
        }),
    })
    .prefault({}),
  http: z
    .strictObject({
      host: z
        .string()
        .default('')
        .meta({
          description: 'Address to listen on; every address of this machine when empty',
          env: ['COLONIES_SERVER_HTTP_HOST'],
          flag: 'host',
        }),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .default(50_080)
        .meta({
          description: 'Port to listen on; 0 takes a free one',
          env: ['COLONIES_SERVER_HTTP_PORT', 'COLONIES_SERVER_PORT'],
          flag: 'port',
        }),
      tls: z
        .boolean()
        .default(true)
        .meta({
          description: 'Serve HTTPS; `--insecure` and `false` serve plain HTTP',
          env: ['COLONIES_TLS'],
        }),
      tlscert: z
        .string()
        .default('')
        .meta({
          description: 'File with the certificate chain, PEM',
          env: ['COLONIES_TLSCERT', 'COLONIES_SERVER_HTTP_TLS_CERT'],
          flag: 'tlscert',
        }),
      tlskey: z
        .string()
        .default('')
        .meta({
          description: 'File with the private key of the certificate, PEM',
          env: ['COLONIES_TLSKEY', 'COLONIES_SERVER_HTTP_TLS_KEY'],
          flag: 'tlskey',
        }),
    })
    .prefault({}),
  crypto: z
    .strictObject({
      engine: z
        .enum(['auto', 'native', 'wasm', 'pure'])
        .default('auto')
        .meta({
          description: 'Signature engine; `auto` is the fastest that works here',
          env: ['COLONIES_CRYPTO_ENGINE'],
          flag: 'crypto-engine',
        }),
    })
    .prefault({}),
  executors: z
    .strictObject({
      staleAfterS: seconds()
        .default(600)
        .meta({
          description: 'Silence after which an idle executor is unregistered, seconds; 0 is never',
          env: ['COLONIES_STALE_EXECUTOR_DURATION'],
          flag: 'stale-after',
        }),
    })
    .prefault({}),
  retention: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .meta({
          description: 'Remove old successful processes and logs',
          env: ['COLONIES_RETENTION'],
          flag: 'retention',
        }),
      keepS: seconds()
        .default(0)
        .meta({
          description: 'Age at which they are removed, seconds; needed when retention is on',
          env: ['COLONIES_RETENTION_POLICY'],
          flag: 'retention-keep',
        }),
    })
    .prefault({}),
  overlay: OverlaySchema.prefault({}),
  federation: FederationSchema.prefault({}),
  log: z
    .strictObject({
      format: z
        .enum(['text', 'json'])
        .default('text')
        .meta({
          description: 'Form of the log lines on stderr',
          env: ['COLONIES_LOG_FORMAT'],
          flag: 'log-format',
        }),
    })
    .prefault({}),
});

/** The finished settings of a node. */
export type Config = z.output<typeof ConfigSchema>;

/** Whether the settings ask for an overlay at all. */
export const hasOverlay = ({ overlay }: Config): boolean =>
  overlay.listen.length + overlay.bootstrap.length > 0 || overlay.network !== '' || overlay.mdns;

const Checked = ConfigSchema.superRefine((config, ctx) => {
  const { retention, overlay } = config;
  const plain = overlay.announce.findIndex((text) => text.startsWith('http:'));
  if (plain >= 0 && overlay.addressPolicy === 'public') {
    const message = 'under the address policy public others connect to https URLs only';
    ctx.addIssue({ code: 'custom', path: ['overlay', 'announce', plain], message });
  }
  if (retention.enabled && retention.keepS === 0) {
    ctx.addIssue({
      code: 'custom',
      path: ['retention', 'keepS'],
      message: 'expected a time to keep: with 0 every process would vanish as soon as it succeeds',
    });
  }
});

export type SettingKind = 'string' | 'int' | 'bool' | 'list';

/** One setting as the command line and the reference see it. */
export interface Setting {
  /** As in the file, joined by dots. */
  readonly path: string;
  readonly kind: SettingKind;
  readonly description: string;
  readonly env: readonly string[];
  readonly flag: string | undefined;
  readonly default: unknown;
  /** The values of a closed set. */
  readonly values: readonly string[] | undefined;
}

// Defaults wrap what they belong to.
const unwrap = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;

const kindOf = (schema: z.ZodType): SettingKind => {
  if (schema instanceof z.ZodBoolean) return 'bool';
  if (schema instanceof z.ZodArray) return 'list';
  return schema instanceof z.ZodNumber ? 'int' : 'string';
};

const settingsOf = (schema: z.ZodType, path: readonly string[]): readonly Setting[] => {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([name, of]) =>
      settingsOf(of as z.ZodType, [...path, name]),
    );
  }
  const about = schema.meta() ?? {};
  return [
    {
      path: path.join('.'),
      kind: kindOf(inner),
      description: about.description ?? '',
      env: about.env ?? [],
      flag: about.flag,
      default: schema.parse(undefined),
      values: inner instanceof z.ZodEnum ? (inner.options as string[]) : undefined,
    },
  ];
};

/** Every setting, in the order of the schema. */
export const SETTINGS: readonly Setting[] = settingsOf(ConfigSchema, []);

type Tree = { [name: string]: unknown };

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const put = (tree: Tree, path: string, value: unknown): void => {
  const names = path.split('.');
  const last = names.pop() as string;
  let at = tree;
  for (const name of names) {
    // A scalar where a section belongs stays: the schema says what is wrong with it.
    if (at[name] !== undefined && !isTree(at[name])) return;
    at[name] = { ...(at[name] as Tree | undefined) };
    at = at[name] as Tree;
  }
  at[last] = value;
};

// Text that is no number or boolean stays text, for the schema to refuse.
const fromText = (kind: SettingKind, text: string): unknown => {
  if (kind === 'int' && /^-?\d+$/.test(text)) return Number(text);
  if (kind === 'bool' && /^(true|1)$/i.test(text)) return true;
  if (kind === 'bool' && /^(false|0)$/i.test(text)) return false;
  if (kind === 'list') return text.split(/[\s,]+/).filter((part) => part !== '');
  return text;
};

export interface ConfigSources {
  /** The parsed configuration file. */
  readonly file?: unknown;
  /** The environment; empty values count as unset. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Values by path, as given on the command line; undefined is not given. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/**
 * Puts the settings together: defaults, then file, then environment, then flags. Throws bad-request
 * that names each wrong setting and where it came from; unknown names in the file are refused.
 */
export const readConfig = (sources: ConfigSources = {}): Config => {
  const { file = {}, env = {}, flags = {} } = sources;
  if (!isTree(file)) throw fault('bad-request', 'The configuration file must hold one JSON object');
  const tree: Tree = { ...file };
  const origin = new Map<string, string>();
  for (const setting of SETTINGS) {
    const name = setting.env.find((candidate) => (env[candidate] ?? '') !== '');
    if (name !== undefined) {
      put(tree, setting.path, fromText(setting.kind, env[name] as string));
      origin.set(setting.path, name);
    }
    const given = flags[setting.path];
    // A list flag that was not given is an empty list.
    const isGiven = Array.isArray(given) ? given.length > 0 : given !== undefined;
    if (isGiven) {
      put(tree, setting.path, given);
      origin.set(setting.path, setting.flag === undefined ? 'flag' : `--${setting.flag}`);
    }
  }
  const parsed = Checked.safeParse(tree);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const at = path.join('.');
    // Of a list the whole came from one place.
    const from = origin.get(at) ?? origin.get(path.slice(0, -1).join('.'));
    const where = from === undefined ? at : `${at} (from ${from})`;
    return where === '' ? message : `${where}: ${message}`;
  });
  throw fault('bad-request', `Wrong configuration: ${problems.join('; ')}`);
};

// Paths and bodies of `GET /federation/...`: raw signed records in base64, which the reader
// verifies. Both sides of the exchange use this one file.

import { z } from 'zod';
import { bytesToBase64 } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import { fromBase64 } from './bytes.ts';
import type { Namespace } from './payloads.ts';
import { idOfFrame, kindOfFrame } from './record.ts';

const ROOTS: { readonly [K in Namespace]: string } = {
  colony: '/federation/colonies/',
  server: '/federation/servers/',
  endorsements: '/federation/endorsements/',
  revocation: '/federation/revocations/',
};
const HOSTING = '/federation/hosting/';

/** Path under which a node answers with the record of an id, after a lookup if it has to. */
export const recordPath = (ns: Namespace, id: string): string => `${ROOTS[ns]}${id}`;

/**
 * The same, but only for what the node holds: how nodes ask each other, so that no lookup loops.
 */
export const knownPath = (ns: Namespace, id: string): string => `${recordPath(ns, id)}?known=1`;

/** Whether a path asks only for what is held. */
export const isKnownOnly = (path: string): boolean => /[?&]known=1(?:&|$)/.test(path);

/** Path that asks a server whether it hosts a colony; the nonce makes its proof fresh. */
export const hostingPath = (colonyid: string, nonce: string): string =>
  `${HOSTING}${colonyid}?nonce=${nonce}`;

export type Question =
  | { readonly kind: 'record'; readonly ns: Namespace; readonly id: string }
  | { readonly kind: 'hosting'; readonly id: string };

/** What a path asks for; undefined when it is none of these. A query is not looked at. */
export const readPath = (path: string): Question | undefined => {
  const plain = path.split('?', 1)[0] ?? '';
  const id = plain.slice(-64);
  if (!isId(id)) return undefined;
  const root = plain.slice(0, -64);
  if (root === HOSTING) return { kind: 'hosting', id };
  const ns = (Object.keys(ROOTS) as Namespace[]).find((name) => ROOTS[name] === root);
  return ns && { kind: 'record', ns, id };
};

/** The nonce in a path's query, when it is a proper one. */
export const nonceOf = (path: string): string | undefined =>
  /[?&]nonce=([0-9a-f]{64})(?:&|$)/.exec(path)?.[1];

const frames = z.array(z.string()).max(512);
const Document = z.object({
  colony: z.string().optional(),
  server: z.string().optional(),
  servers: frames.optional(),
  list: z.string().optional(),
  endorsements: frames.optional(),
  revocation: z.string().optional(),
  revocations: frames.optional(),
});

export interface Parts {
  readonly colony?: Uint8Array;
  readonly server?: Uint8Array;
  readonly servers?: readonly Uint8Array[];
  readonly list?: Uint8Array;
  readonly endorsements?: readonly Uint8Array[];
  readonly revocation?: Uint8Array;
  /** Why records that were asked for count no more. */
  readonly revocations?: readonly Uint8Array[];
}

/** Body of an answer: each part as base64, after what else it says. */
export const writeDocument = (parts: Parts, said: object = {}): string => {
  const texts = Object.entries(parts).map(([name, part]) => [
    name,
    part instanceof Uint8Array ? bytesToBase64(part) : part.map(bytesToBase64),
  ]);
  return JSON.stringify({ ...said, ...Object.fromEntries(texts) });
};

/** A frame out of an answer, with the kind and id it claims; not verified. */
export interface Claimed {
  readonly kind: string;
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Every readable frame in an answer's body; empty for anything that is no such document. */
export const readDocument = (body: string): readonly Claimed[] => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // SyntaxError: an answer that is not JSON holds no frames.
    return [];
  }
  const parsed = Document.safeParse(value);
  if (!parsed.success) return [];
  return Object.values(parsed.data)
    .flat()
    .flatMap((text): Claimed[] => {
      const bytes = text === undefined ? undefined : fromBase64(text);
      const kind = bytes && kindOfFrame(bytes);
      const id = bytes && idOfFrame(bytes);
      return bytes && kind && id !== undefined ? [{ kind, id, bytes }] : [];
    });
};

const Hosting = z.object({ colonyid: z.string(), serverid: z.string(), hosting: z.boolean() });
export type Hosting = z.output<typeof Hosting>;

/** The statement of a server about a colony; undefined when the body is none. */
export const readHosting = (body: string): Hosting | undefined => {
  try {
    return Hosting.safeParse(JSON.parse(body)).data;
  } catch {
    // SyntaxError: not JSON.
    return undefined;
  }
};

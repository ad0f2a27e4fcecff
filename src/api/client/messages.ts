// The types of messages and replies as the operation table has them.

import type { z } from 'zod';
import type { Call, Op } from '../op.ts';

/** A part of a message: every field may be left out or null, and has its zero value then. */
type Loose<T> = T extends readonly (infer U)[]
  ? readonly Loose<U>[] | null
  : T extends object
    ? { readonly [K in keyof T]?: Loose<T[K]> | null | undefined }
    : T;

/** A message as it is written: the fields it needs, and any of the others. */
type Written<T, N extends string> = {
  readonly [K in keyof T & N]: Loose<NonNullable<T[K]>>;
} & { readonly [K in Exclude<keyof T, N>]?: Loose<T[K]> | null | undefined };

export type MessageOf<C> =
  C extends Call<string, infer M extends z.ZodType, infer N> ? Written<z.output<M>, N> : never;
export type ReplyOf<O> = O extends Op<string, z.ZodType, infer R> ? z.output<R> : never;

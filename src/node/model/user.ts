// A user: a member of a colony that submits work and reads, but never takes work.

import { z } from 'zod';
import { name, struct, text } from './wire.ts';

export const UserMsg = struct({
  colonyname: text(),
  userid: text(),
  name: text(),
  email: name(),
  phone: name(),
});

export const User = z.object({
  colonyname: z.string(),
  userid: z.string(),
  name: z.string(),
  email: z.string(),
  phone: z.string(),
});
export type User = z.output<typeof User>;

/** The stored user; `colony` is the colony's number. */
export interface UserRow {
  readonly colony: number;
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
}

/** The user as it travels; `colonyname` as the request named the colony. */
export const userWire = (row: UserRow, colonyname: string): User => ({
  colonyname,
  userid: row.id,
  name: row.name,
  email: row.email,
  phone: row.phone,
});

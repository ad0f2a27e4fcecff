// Who signed a recorded request. The transcripts hold no keys but the public sample ones, so every other
// identity gets a key of its own here, and requests are signed anew by whoever must have signed them.

import { idOfKey } from '../../src/node/crypto/keys.ts';
import type { Exchange } from './transcript.ts';

export const SAMPLE_KEYS = {
  server: 'fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d',
  colony: 'ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514',
  user: 'ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05',
} as const;

const SERVER_OWNER = [
  'addcolonymsg',
  'removecolonymsg',
  'getcoloniesmsg',
  'getstatisticsmsg',
  'getclustermsg',
  'changeserveridmsg',
];
const COLONY_OWNER = [
  'addexecutormsg',
  'approveexecutormsg',
  'rejectexecutormsg',
  'removeexecutormsg',
  'addusermsg',
  'removeusermsg',
  'removeallprocessesmsg',
  'pauseassignmentsmsg',
  'resumeassignmentsmsg',
];
const ASSIGNED = [
  'closesuccessfulmsg',
  'closefailedmsg',
  'setoutputmsg',
  'addlogmsg',
  'addattributemsg',
];

interface Colony {
  readonly owner: string;
  /** Executor keys by name, and the keys of any member. */
  readonly executors: Map<string, string>;
  readonly members: string[];
}

const field = (value: unknown, ...path: string[]): string => {
  let at = value;
  for (const name of path) at = (at as Record<string, unknown> | null | undefined)?.[name];
  return typeof at === 'string' ? at : '';
};

export interface Identities {
  /** The recorded id of an identity, or the id that stands for it here. */
  idFor(recorded: string): string;
  /** The key that signs this exchange. */
  signer(exchange: Exchange): string;
  /** Learns members, colonies and assignments from an exchange that was answered. */
  learn(exchange: Exchange): void;
}

/** Makes the cast of one transcript. */
export const makeIdentities = (): Identities => {
  const keys = new Map<string, string>();
  const colonies = new Map<string, Colony>();
  const assignee = new Map<string, string>();
  const colonyOf = new Map<string, string>();
  let made = 0;
  for (const key of Object.values(SAMPLE_KEYS)) keys.set(idOfKey(key), key);

  const keyFor = (recorded: string): string => {
    let key = keys.get(recorded);
    if (key === undefined) {
      made += 1;
      key = made.toString(16).padStart(64, '0');
      keys.set(recorded, key);
    }
    return key;
  };

  const named = ({ request }: Exchange): Colony | undefined => {
    const name =
      field(request, 'colonyname') ||
      field(request, 'executor', 'colonyname') ||
      field(request, 'user', 'colonyname') ||
      field(request, 'fun', 'colonyname') ||
      field(request, 'spec', 'conditions', 'colonyname') ||
      colonyOf.get(field(request, 'processid') || field(request, 'attribute', 'targetid')) ||
      '';
    return colonies.get(name) ?? [...colonies.values()].at(-1);
  };

  const byReply = (exchange: Exchange): string => {
    if (exchange.type === 'assignprocessmsg') return field(exchange.reply, 'assignedexecutorid');
    if (exchange.type === 'submitfuncspecmsg') return field(exchange.reply, 'initiatorid');
    if (!ASSIGNED.includes(exchange.type)) return '';
    const { request } = exchange;
    return (
      assignee.get(field(request, 'processid') || field(request, 'attribute', 'targetid')) ?? ''
    );
  };

  const signer = (exchange: Exchange): string => {
    if (exchange.status === 403 || SERVER_OWNER.includes(exchange.type)) return SAMPLE_KEYS.server;
    const colony = named(exchange);
    if (COLONY_OWNER.includes(exchange.type)) return colony?.owner ?? SAMPLE_KEYS.colony;
    const id = byReply(exchange);
    if (id !== '') return keyFor(id);
    const executor = colony?.executors.get(field(exchange.request, 'fun', 'executorname'));
    return executor ?? colony?.members.at(-1) ?? SAMPLE_KEYS.user;
  };

  const learn = ({ type, request, status, reply }: Exchange): void => {
    if (status !== 200) return;
    if (type === 'addcolonymsg') {
      const owner = keyFor(field(request, 'colony', 'colonyid'));
      colonies.set(field(request, 'colony', 'name'), { owner, executors: new Map(), members: [] });
    }
    if (type === 'addusermsg') {
      colonies
        .get(field(request, 'user', 'colonyname'))
        ?.members.push(keyFor(field(request, 'user', 'userid')));
    }
    if (type === 'addexecutormsg') {
      const key = keyFor(field(request, 'executor', 'executorid'));
      colonies
        .get(field(request, 'executor', 'colonyname'))
        ?.executors.set(field(request, 'executor', 'executorname'), key);
    }
    if (type === 'approveexecutormsg') {
      const colony = colonies.get(field(request, 'colonyname'));
      const key = colony?.executors.get(field(request, 'executorname'));
      if (key !== undefined) colony?.members.push(key);
    }
    if (type === 'assignprocessmsg') {
      assignee.set(field(reply, 'processid'), field(reply, 'assignedexecutorid'));
    }
    if (type === 'submitfuncspecmsg') {
      colonyOf.set(field(reply, 'processid'), field(reply, 'spec', 'conditions', 'colonyname'));
    }
  };

  return { idFor: (recorded) => idOfKey(keyFor(recorded)), signer, learn };
};

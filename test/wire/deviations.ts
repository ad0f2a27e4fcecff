// Where our answers differ from the recorded ones on purpose. Everything else that differs is a failure.

import type { Difference } from './compare.ts';

export interface Deviation {
  /** Payload types it concerns; all when absent. */
  readonly types?: readonly string[];
  readonly path: RegExp;
  readonly holds: (difference: Difference) => boolean;
  readonly reason: string;
}

const emptied = ({ recorded, ours }: Difference): boolean =>
  recorded === null && Array.isArray(ours) && ours.length === 0;
const always = (): boolean => true;

export const DEVIATIONS: readonly Deviation[] = [
  {
    path: /^$|(^|\.)(errors|in)$/,
    holds: emptied,
    reason: 'an empty list is [], not null: kinder to every language, accepted by every client',
  },
  {
    path: /(^|\.)attributes\.\d+\.state$|^state$/,
    holds: ({ recorded }) => recorded === 0,
    reason: 'the state of an attribute is that of its process, not what the client sent',
  },
  {
    path: /(^|\.)targetcolonyname$/,
    holds: ({ recorded }) => recorded === '',
    reason: 'an attribute belongs to the colony of its process even when the client names none',
  },
  {
    path: /(^|\.)execdeadline$/,
    holds: ({ recorded }) => String(recorded).startsWith('0001-'),
    reason: 'the reply of an assignment shows the deadline that it sets',
  },
  {
    types: ['getexecutorsmsg', 'getexecutormsg', 'getexecutorbyidmsg'],
    path: /(^|\.)lastheardfromtime$/,
    holds: ({ recorded }) => String(recorded).startsWith('0001-'),
    reason: 'every authenticated call of an executor is a sign of life, not only an assign',
  },
  {
    types: ['addfunctionmsg', 'getfunctionsmsg'],
    path: /(^|\.)executortype$/,
    holds: ({ recorded }) => recorded === '',
    reason: 'a function has the type of its executor even when the client sends none',
  },
  {
    types: ['getcolonystatsmsg', 'getstatisticsmsg'],
    path: /^waiting(processes|workflows)$/,
    holds: ({ ours }) => ours === 0,
    reason: 'the transcript counts processes of workflows, whose exchanges are passed over here',
  },
  {
    types: ['getstatisticsmsg'],
    path: /^(activeexecutors|cancelledprocesses)$/,
    holds: ({ recorded }) => recorded === 0,
    reason: 'server statistics are complete',
  },
  {
    types: ['getserverinfomsg', 'versionmsg'],
    path: /^(buildversion|buildtime|backends\.0\.(port|host|tls|insecure))$/,
    holds: always,
    reason: 'the server reports its own version and address, not those of environment variables',
  },
  {
    types: ['getclustermsg'],
    path: /^(nodes\.0|leader)\.(name|host|port|peerport|relayport|apiport)$/,
    holds: always,
    reason: 'a node is a cluster of one, at its own address, without the ports of an embedded etcd',
  },
  {
    types: ['getfunctionsmsg', 'addfunctionmsg'],
    path: /(^|\.)(functionid)$/,
    holds: always,
    reason: 'identifiers are chosen by the server',
  },
];

/** The deviation that explains a difference. */
export const explain = (type: string, difference: Difference): Deviation | undefined =>
  DEVIATIONS.find(
    ({ types, path, holds }) =>
      (types === undefined || types.includes(type)) &&
      path.test(difference.path) &&
      holds(difference),
  );

/** Statuses that changed, with the same text: what is not found is 404, what was an empty 200 is 403. */
export const STATUS_FIXES: Readonly<Record<string, readonly [recorded: number, ours: number]>> = {
  getusermsg: [500, 404],
  getexecutormsg: [500, 404],
  approveexecutormsg: [500, 404],
  rejectexecutormsg: [500, 404],
  removeexecutormsg: [500, 404],
  setoutputmsg: [500, 404],
  closesuccessfulmsg: [500, 404],
  closefailedmsg: [500, 404],
  cancelprocessmsg: [500, 404],
  removeprocessmsg: [500, 404],
  addlogmsg: [500, 404],
  getlogsmsg: [500, 404],
  getprocesshistmsg: [200, 403],
};

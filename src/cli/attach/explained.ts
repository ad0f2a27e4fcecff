// The errors of attached clients as those of the command line: what is wrong, and what to do next.

import { ColoniesError } from '../../api/client/error.ts';
import { Fault } from '../../node/errors.ts';
import { advised, ServerError } from '../errors.ts';

const NOBODY =
  'Is a node running there? `colonies server start --listen /ip4/0.0.0.0/tcp/4001` starts one; ' +
  '--bootstrap, or COLONIES_BOOTSTRAP, names others. A multiaddress of a private overlay needs ' +
  '--overlay-key-file.';
const UNKNOWN_AUTHORITY =
  'Use the host name of its certificate, add the authority with NODE_EXTRA_CA_CERTS, or trust it ' +
  'unseen with --skip-tls-verify.';
const UNREACHABLE =
  'The colony may be offline. ' +
  '`colonies federation resolve ID` shows its servers and what is wrong.';
const UNKNOWN_COLONY =
  'Its owner publishes it with `colonies federation publish --colonyid ID --server ID`; ' +
  'a new record takes a few seconds to spread.';
const REFUSED =
  'Somebody on the way, or the server itself, altered it. Another --bootstrap avoids the first.';
const REVOKED =
  'Its owner declared the key dead: nothing signed by it counts any more. ' +
  'Use the id that succeeds it, or ask the owner for one.';
const OTHER_NETWORK =
  'Name a bootstrap of that network, or choose this one with --network: ' +
  'a colony may exist in several.';

const adviceFor = (error: ColoniesError): string | undefined => {
  const { cause } = error;
  const reason = cause instanceof Fault ? cause.detail['reason'] : undefined;
  if (reason === 'network') return OTHER_NETWORK;
  if (cause instanceof Fault && cause.detail['revoked'] !== undefined) return REVOKED;
  if (error.code === 'unavailable' && error.cause !== undefined) {
    return /certificate/.test(error.message) ? UNKNOWN_AUTHORITY : NOBODY;
  }
  if (error.code === 'unreachable') return UNREACHABLE;
  if (error.code === 'bad-reply') return REFUSED;
  if (error.code === 'not-found' && cause instanceof Fault) return UNKNOWN_COLONY;
  return undefined;
};

/** The errors of attached calls as those of the command line. */
export const explained = (error: unknown): unknown => {
  if (error instanceof Fault) {
    return explained(new ColoniesError('unavailable', error.message, { cause: error }));
  }
  if (!(error instanceof ColoniesError)) return error;
  const advice = adviceFor(error);
  if (advice !== undefined) return advised(error.message, advice, error);
  return new ServerError(error.status, error.message);
};

/** Runs, with the errors of attaching as those of the command line. */
export const telling = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    throw explained(error);
  }
};

/** The error when nobody knows a colony. */
export const unknownColony = (colonyid: string): Error =>
  advised(`no node that was asked knows colony ${colonyid}`, UNKNOWN_COLONY);

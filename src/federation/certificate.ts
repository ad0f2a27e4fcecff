// This node's certificate: the server owner's word that this node key is his. Without a valid one
// the node serves RPC and publishes nothing.

import type { Clock } from '../node/clock.ts';
import { idOfPublicKey } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';
import type { Book } from './book.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Store } from './ports.ts';
import { idOfFrame, type SignedRecord, validate, validateTimeless } from './record.ts';
import { type CertificateRequest, certificateRequest } from './statements.ts';

const ROW = 'certificate';

export interface CertificateState {
  readonly state: 'missing' | 'valid' | 'expiring' | 'expired' | 'revoked';
  /** Epoch milliseconds. */
  readonly expiresAt: number | undefined;
  /** What to do, when there is something to do. */
  readonly hint: string | undefined;
}

export interface Certificates {
  /** The certificate to publish and relay with; undefined unless it holds now. */
  current(): SignedRecord<'certificate'> | undefined;
  state(): CertificateState;
  /** Keeps a certificate made for this node; throws `bad-request` when it is not. */
  accept(bytes: Uint8Array): Promise<SignedRecord<'certificate'>>;
  /** What the owner's key has to sign. */
  request(): CertificateRequest;
}

export interface CertificateDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly book: Book;
  readonly serverid: string;
  /** Public key of this node, 130 hex digits. */
  readonly publicKey: string;
}

const HINT =
  'run `colonies node certify` with the key of the server owner; where that key is kept away from ' +
  'networks: `colonies node request --out FILE` here, `colonies node certify --request FILE --out ' +
  'FILE` there, and `colonies node certify --certificate FILE` here';
const NODE_KEY_DEAD =
  'the key of this node is revoked: stop it, move node.key and the folder overlay away, start and ' +
  'certify it';
const SERVER_KEY_DEAD =
  'the key of the server owner is revoked: start a server with another id, and have the colonies ' +
  'publish that';

/** Opens the certificate kept in the store; one for another key or server is left aside. */
export const openCertificates = async (deps: CertificateDeps): Promise<Certificates> => {
  const { store, clock, book, serverid, publicKey } = deps;
  const where = { network: book.network, ns: 'certificate', key: serverid } as const;
  const nodeid = idOfPublicKey(publicKey);
  const kept = await store.get(ROW);
  const checked = kept && validateTimeless(kept, where);
  let held = checked?.ok && checked.record.payload.sub === nodeid ? checked.record : undefined;

  /** What to do when a key that no certificate can help is dead. */
  const death = (): string | undefined => {
    if (book.isRevoked(serverid)) return SERVER_KEY_DEAD;
    return book.isRevoked(nodeid) ? NODE_KEY_DEAD : undefined;
  };

  const state = (): CertificateState => {
    if (!held) return { state: 'missing', expiresAt: undefined, hint: HINT };
    const expiresAt = held.payload.exp;
    const left = expiresAt - clock.now();
    const hint = death();
    if (hint !== undefined) return { state: 'revoked', expiresAt, hint };
    if (left <= 0) return { state: 'expired', expiresAt, hint: HINT };
    if (left <= LIMITS.certificateWarnMs) return { state: 'expiring', expiresAt, hint: HINT };
    return { state: 'valid', expiresAt, hint: undefined };
  };

  return {
    state,
    current: () => {
      const now = state().state;
      return now === 'valid' || now === 'expiring' ? held : undefined;
    },
    request: () => certificateRequest(book.network, publicKey),
    accept: async (bytes) => {
      const fresh = validate(bytes, clock.now(), where);
      const owner = idOfFrame(bytes);
      if (!fresh.ok && owner !== undefined && owner !== serverid) {
        throw fault(
          'bad-request',
          `certificate refused: it is by the owner of server ${owner}, and this is ${serverid}`,
        );
      }
      if (!fresh.ok) throw fault('bad-request', `certificate refused: ${fresh.detail}`);
      if (fresh.record.payload.sub !== nodeid) {
        throw fault('bad-request', 'certificate refused: it is for another node key');
      }
      const dead = death();
      if (dead !== undefined) throw fault('bad-request', `certificate refused: ${dead}`);
      if (held && held.payload.seq > fresh.record.payload.seq) {
        throw fault('conflict', 'certificate refused: a later one is in use');
      }
      await store.write([{ key: ROW, value: bytes }]);
      held = fresh.record;
      return held;
    },
  };
};

// Why nobody was reached, in words for an operator; the library's own are nested and long.

/** What the library throws at bytes that are no protocol: those of another key look so. */
const NO_PROTOCOL = new Set([
  'InvalidMessageError',
  'InvalidDataLengthError',
  'InvalidDataLengthLengthError',
]);

/** What it makes of everything that goes wrong before a connection is safe, with its message. */
const NO_HANDSHAKE = 'EncryptionFailedError';
const OTHER_PEER = /identity|peer id/i;

const NO_NODE = 'it does not speak as this overlay does: no node, or one with another shared key';
const SILENT = 'no answer in time';
/** What a connection ends with when the other side hangs up before it is safe. */
const HUNG_UP = /ECONNRESET|EPIPE/;
const CLOSED =
  'it closed the connection: no node, one that takes no more, or one with another shared key';

/** What went wrong. */
export const reasonOf = (error: unknown): string => {
  const { name, message, errors } = error as Error & { errors?: unknown[] };
  if (errors?.[0] !== undefined) return reasonOf(errors[0]);
  if (name === 'TimeoutError' || name === 'AbortError') return SILENT;
  if (HUNG_UP.test(message)) return CLOSED;
  if (NO_PROTOCOL.has(name)) return NO_NODE;
  if (name === NO_HANDSHAKE && !OTHER_PEER.test(message)) return NO_NODE;
  return message.slice(0, 200);
};

/**
 * What went wrong at an address. Whoever has no key of a private overlay, or one too many, may hear
 * nothing at all.
 */
export const reasonAt = (error: unknown): string => {
  const reason = reasonOf(error);
  if (reason !== SILENT) return reason;
  return `${SILENT}: nobody there, or a private overlay, which answers only with its own key`;
};

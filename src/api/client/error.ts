// The one error class of the SDK.

/** What kind of failure it was: act on this, never on the text. */
export type ErrorCode =
  | 'bad-request'
  | 'forbidden'
  | 'not-found'
  /** Nothing to do at the moment: ask again. */
  | 'nothing-waiting'
  | 'paused-timeout'
  | 'replayed'
  | 'too-large'
  | 'not-home'
  | 'too-many'
  | 'internal'
  | 'outcome-unknown'
  | 'unavailable'
  /** The server could not be reached, or the connection broke before the reply came. */
  | 'unreachable'
  /** Something answered that is not a Colonies server. */
  | 'bad-reply';

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'bad-request',
  403: 'forbidden',
  404: 'not-found',
  408: 'paused-timeout',
  409: 'replayed',
  413: 'too-large',
  421: 'not-home',
  429: 'too-many',
  502: 'outcome-unknown',
  503: 'unavailable',
};

const AGAIN: ReadonlySet<ErrorCode> = new Set([
  'nothing-waiting',
  'paused-timeout',
  'too-many',
  'unavailable',
  'unreachable',
]);

/** The code of a refusal by the server. A 404 on assign means that there is no work. */
export const codeOf = (status: number, payloadtype: string): ErrorCode => {
  if (status === 404 && payloadtype === 'assignprocessmsg') return 'nothing-waiting';
  return BY_STATUS[status] ?? (status >= 500 ? 'internal' : 'bad-request');
};

/** A call that failed: refused by the server, or never answered. */
export class ColoniesError extends Error {
  override readonly name = 'ColoniesError';
  readonly code: ErrorCode;
  /** HTTP status of the refusal; 0 when there was no answer. */
  readonly status: number;
  /** Which field of the message was wrong, where the server says so. */
  readonly detail: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { readonly status?: number; readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.status = more.status ?? 0;
    this.detail = more.detail;
  }

  /** Whether the same call may succeed later. */
  get mayRetry(): boolean {
    return AGAIN.has(this.code);
  }
}

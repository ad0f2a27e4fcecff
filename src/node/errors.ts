// The one error class that callers may be told about, and the closed table of its codes.
// Anything else that is thrown is a bug: logged in full, answered with a bare 500.

/** Every code with the HTTP status it maps to and whether the caller may try the same call again. */
export const FAULTS = {
  'bad-request': { status: 400, retry: 'never' },
  conflict: { status: 400, retry: 'never' },
  forbidden: { status: 403, retry: 'never' },
  'not-found': { status: 404, retry: 'never' },
  'nothing-waiting': { status: 404, retry: 'later' },
  'paused-timeout': { status: 408, retry: 'later' },
  replayed: { status: 409, retry: 'never' },
  'too-large': { status: 413, retry: 'never' },
  'not-home': { status: 421, retry: 'elsewhere' },
  'too-many': { status: 429, retry: 'later' },
  internal: { status: 500, retry: 'never' },
  'outcome-unknown': { status: 502, retry: 'never' },
  unavailable: { status: 503, retry: 'later' },
} as const;

export type FaultCode = keyof typeof FAULTS;

/** A failure the caller may be told about: what was wrong, and which thing. Never secrets or paths. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  /** Machine-readable particulars, for callers that translate the failure into another vocabulary. */
  readonly detail: Readonly<Record<string, string | number>>;

  constructor(
    code: FaultCode,
    message: string,
    detail: Readonly<Record<string, string | number>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }

  /** The HTTP status that belongs to the code. */
  get status(): number {
    return FAULTS[this.code].status;
  }
}

/** Makes a Fault. `throw fault('not-found', 'no process 8f3a…')`. */
export const fault = (
  code: FaultCode,
  message: string,
  detail?: Readonly<Record<string, string | number>>,
): Fault => new Fault(code, message, detail);

/** The refusal of whatever is signed by a key that was declared dead. */
export const keyRevoked = (): Fault => fault('forbidden', 'key revoked', { reason: 'key-revoked' });

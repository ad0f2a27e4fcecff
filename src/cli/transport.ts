// One HTTP exchange with a server, with errors that say what to do next. No signing, no messages.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { LIMITS } from '../node/limits.ts';
import { anyOf } from '../node/signals.ts';
import { baseUrl, type ServerAddress } from './address.ts';
import { advised } from './errors.ts';

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

const NO_SERVER =
  'Is a server running there? `colonies dev` starts one on this machine; --host and --port, or ' +
  'COLONIES_SERVER_HOST and COLONIES_SERVER_PORT, choose another.';

/** What went wrong on the way, by the error code of Node.js: a text and what to do next. */
const REASONS: Readonly<Record<string, readonly [text: string, advice: string]>> = {
  ECONNREFUSED: ['connection refused', NO_SERVER],
  ENOTFOUND: ['no such host', 'Check the name in --host or COLONIES_SERVER_HOST.'],
  EAI_AGAIN: ['the name of the host cannot be looked up now', 'Check the network and try again.'],
  ETIMEDOUT: ['no answer in time', NO_SERVER],
  EHOSTUNREACH: ['host unreachable', NO_SERVER],
  ENETUNREACH: ['network unreachable', NO_SERVER],
  EPROTO: [
    'the server does not speak TLS',
    'Add --insecure, or set COLONIES_TLS=false, to use plain HTTP.',
  ],
  ECONNRESET: [
    'the connection was closed before an answer came',
    'The server may have stopped, or may expect HTTPS: then leave out --insecure and set ' +
      'COLONIES_TLS=true.',
  ],
  HPE_INVALID_CONSTANT: [
    'the server does not speak HTTP',
    'It may expect HTTPS: leave out --insecure and set COLONIES_TLS=true.',
  ],
};

const CERTIFICATE =
  'Use the host name of the certificate, add its authority with NODE_EXTRA_CA_CERTS, or trust it ' +
  'unseen with --skip-tls-verify.';

/** Longer timers are not kept by Node.js. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A signal that is aborted after the usual time of a call and `extraMs`, or with `signal`. */
export const callDeadline = (signal?: AbortSignal, extraMs = 0): AbortSignal => {
  const timeout = AbortSignal.timeout(Math.min(LIMITS.cliCallMs + extraMs, TIMER_MS_MAX));
  return signal === undefined ? timeout : anyOf(signal, timeout);
};

const isTimeout = (reason: unknown): boolean =>
  reason instanceof Error && reason.name === 'TimeoutError';

const TIMED_OUT = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const explain = (error: unknown, at: ServerAddress): Error => {
  const where = `cannot reach ${baseUrl(at)}`;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return advised(`${where}: certificate refused: ${text}`, CERTIFICATE, error);
  }
  const known = REASONS[/wrong version number/i.test(text) ? 'EPROTO' : code];
  const [reason, advice] = known ?? [text === '' ? code : text, NO_SERVER];
  return advised(`${where}: ${reason}`, advice, error);
};

/** The first of several failed attempts stands for all: `localhost` is often two addresses. */
const firstOf = (error: unknown): unknown =>
  error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;

/**
 * Sends `body` with POST, or GET when it is undefined, and reads the whole answer. No time limit of
 * its own: the server or `signal` ends a long poll, `callDeadline` anything else. Throws
 * AdvisedError when there is no answer, and what `signal` was aborted with when it was.
 */
export const exchange = (
  at: ServerAddress,
  path: string,
  body: string | undefined,
  signal: AbortSignal,
): Promise<HttpReply> =>
  new Promise((resolve, reject) => {
    const request = (at.tls ? httpsRequest : httpRequest)(
      `${baseUrl(at)}${path}`,
      {
        method: body === undefined ? 'GET' : 'POST',
        ...(at.tls ? { rejectUnauthorized: at.verify } : {}),
        signal,
        headers: body === undefined ? {} : { 'Content-Type': 'text/plain; charset=utf-8' },
        agent: false,
      },
      (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (size > LIMITS.cliReplyBytesMax) {
            response.destroy(new Error(`answer larger than ${LIMITS.cliReplyBytesMax} bytes`));
          }
        });
        response.on('error', fail);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }),
        );
      },
    );
    const fail = (error: unknown): void => {
      if (signal.aborted && !isTimeout(signal.reason)) reject(signal.reason);
      else reject(explain(signal.aborted ? TIMED_OUT : firstOf(error), at));
    };
    request.on('error', fail);
    request.end(body);
  });

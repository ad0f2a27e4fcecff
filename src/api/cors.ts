// Cross-origin rules of the protocol: any other origin may read replies; preflights are answered
// on any path.

const PREFLIGHT = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS',
  'access-control-allow-headers': 'Origin,Content-Length,Content-Type',
  'access-control-max-age': '43200',
} as const;

const ANSWER = { 'access-control-allow-origin': '*' } as const;

/**
 * The headers that the reply needs, or undefined when the request is of no or of the same origin
 * (its `Origin` is `http://` or `https://` and its `Host`).
 */
export const corsHeaders = (
  method: string,
  origin: string | undefined,
  host: string | undefined,
): Readonly<Record<string, string>> | undefined => {
  if (origin === undefined || origin === '') return undefined;
  if (origin === `http://${host}` || origin === `https://${host}`) return undefined;
  return method === 'OPTIONS' ? PREFLIGHT : ANSWER;
};
